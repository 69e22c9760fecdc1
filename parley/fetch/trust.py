"""Telling a certificate that is not trusted from a network that is not there."""

OWN_AUTHORITY = (
    "name the PEM file of your network's own authority in SSL_CERT_FILE (for pip in PIP_CERT), or "
    "use a network that does not look into TLS"
)

_SIGNS = (
    "certificate verify failed",
    "certificate_verify_failed",
    "invalid peer certificate",
    "unknownissuer",
    "self-signed certificate",
    "self signed certificate",
    "unable to get local issuer",
    "unknown authority",
)


def is_untrusted(said: str) -> bool:
    """Whether a program or library says that it does not trust the other side's certificate."""
    return any(sign in said.lower() for sign in _SIGNS)

"""Certificates that are not trusted: told from a network that is not there, and tried once more
with the authorities of this system, for installers bring lists of their own.

A network that looks into TLS signs with an authority of its own, which its machines have in the
system's store. uv reads that store when it is told to (`UV_SYSTEM_CERTS`), Node with
`--use-openssl-ca`; Python and Go always do.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from parley.fetch.process import run_logged

OWN_AUTHORITY = (
    "nobody that this system trusts vouches for it: name the PEM file of your network's own "
    "authority in SSL_CERT_FILE, or use a network that does not look into TLS"
)
UV_SYSTEM_CERTS: Mapping[str, str] = MappingProxyType({"UV_SYSTEM_CERTS": "true"})
NODE_SYSTEM_CERTS: Mapping[str, str] = MappingProxyType({"NODE_OPTIONS": "--use-openssl-ca"})

_SIGNS = (
    "certificate verify failed",
    "certificate_verify_failed",
    "invalid peer certificate",
    "unknownissuer",
    "self-signed certificate",
    "self signed certificate",
    "unable to get local issuer",
    "unable to verify the first certificate",
    "unknown authority",
)


def is_untrusted(said: str) -> bool:
    """Whether a program or library says that it does not trust the other side's certificate."""
    return any(sign in said.lower() for sign in _SIGNS)


def run_trusting(
    command: Sequence[str],
    *,
    log: Path,
    environment: Mapping[str, str],
    tick: Callable[[], None],
    system_certs: Mapping[str, str],
    folder: Path | None = None,
) -> int:
    """As `run_logged`; where the log says that a certificate is not trusted, once more with the
    variables `system_certs`, which have the program trust whom this system trusts."""
    status = run_logged(command, log=log, environment=environment, tick=tick, folder=folder)
    if status == 0 or not is_untrusted(log.read_text(encoding="utf-8", errors="replace")):
        return status
    trusting = {**environment, **system_certs}
    return run_logged(command, log=log, environment=trusting, tick=tick, folder=folder)

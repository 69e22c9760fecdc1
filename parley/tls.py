"""Mutual TLS between clients and speech workers: the files of the settings as gRPC takes them."""

import ssl
from dataclasses import dataclass
from pathlib import Path

import grpc

from parley import paths
from parley.errors import ConfigurationError
from parley.settings.tls import ClientTlsSection, TlsSection


@dataclass(frozen=True)
class ClientTls:
    """What a client shows and trusts; `server_name` is checked where it is not empty."""

    credentials: grpc.ChannelCredentials
    server_name: str = ""

    @property
    def options(self) -> tuple[tuple[str, str], ...]:
        """Those of the channel."""
        return (("grpc.ssl_target_name_override", self.server_name),) if self.server_name else ()


def client_tls(section: ClientTlsSection) -> ClientTls | None:
    """None where TLS is not configured; raises ConfigurationError where it cannot work."""
    if not section.is_configured:
        return None
    ca, cert, key = _read(section)
    credentials = grpc.ssl_channel_credentials(ca, private_key=key, certificate_chain=cert)
    return ClientTls(credentials, section.server_name)


def server_credentials(section: TlsSection) -> grpc.ServerCredentials | None:
    """Those of a server that takes only clients with a certificate of the same authority.

    None where TLS is not configured; raises ConfigurationError where it cannot work.
    """
    if not section.is_configured:
        return None
    ca, cert, key = _read(section)
    return grpc.ssl_server_credentials(
        [(key, cert)], root_certificates=ca, require_client_auth=True
    )


def _read(section: TlsSection) -> tuple[bytes, bytes, bytes]:
    """The contents of ca, cert and key; gRPC itself would not say what is wrong with them."""
    missing = [f"tls.{name}" for name in ("ca", "cert", "key") if not getattr(section, name)]
    if missing:
        raise ConfigurationError(
            f"{' and '.join(missing)} is empty: TLS needs tls.ca, tls.cert and tls.key, or none"
        )
    section = section.within(paths.config_dir())
    contents = tuple(_content(name, getattr(section, name)) for name in ("ca", "cert", "key"))
    try:
        ssl.create_default_context(cafile=section.ca)
    except ssl.SSLError:
        raise ConfigurationError(f"tls.ca: {section.ca} holds no certificate in PEM") from None
    try:
        # An encrypted key would make it ask at the terminal.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_cert_chain(section.cert, section.key, password=lambda: "")
    except (ssl.SSLError, ValueError):
        raise ConfigurationError(
            f"tls.cert {section.cert} and tls.key {section.key} are not a certificate and its "
            "private key, in PEM and not encrypted"
        ) from None
    return contents[0], contents[1], contents[2]


def _content(name: str, file: str) -> bytes:
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise ConfigurationError(f"tls.{name}: {file} cannot be read ({error.strerror})") from None

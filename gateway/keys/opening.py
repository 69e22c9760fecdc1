"""The guard, the store of keys and the secret that the settings name."""

import os
import secrets
from pathlib import Path

from dialogue.limits.buckets import Buckets
from gateway.keys.guard import KeyGuard
from gateway.keys.key import KeySecret
from gateway.keys.store import KeyStore
from gateway.keys.tickets import Tickets
from parley import paths
from parley.private import private_folder
from parley.settings.security import SecuritySection

FILE = "keys.db"
SECRET_FILE = "keys.secret"  # noqa: S105 - the name of a file


def open_keys(security: SecuritySection) -> KeyStore:
    """Connects to nothing yet; who opens it closes it. Raises ConfigurationError."""
    return KeyStore(security.url.get_secret_value() or paths.state_dir() / FILE)


def key_secret(security: SecuritySection) -> KeySecret:
    """That of the settings, or the one in the state folder, made by whoever comes first."""
    return KeySecret(security.secret.get_secret_value() or _kept(paths.state_dir() / SECRET_FILE))


def open_guard(
    security: SecuritySection, *, environment: str, buckets: Buckets, redis_url: str = ""
) -> KeyGuard:
    """`environment`: telemetry.environment. Whoever opens it closes it. Raises
    ConfigurationError."""
    secret = key_secret(security)
    return KeyGuard(
        open_keys(security),
        secret,
        Tickets(secret, ttl_s=security.ticket_ttl, redis_url=redis_url),
        buckets,
        required=security.keys_are_required(environment),
        per_minute=security.rate_limiting.requests_per_minute,
    )


def _kept(file: Path) -> str:
    private_folder(file.parent)
    made = file.with_name(f".{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
    if not file.exists():
        descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(secrets.token_hex(32))
        try:
            os.link(made, file)  # whole or not at all, and never over another's
        except FileExistsError:
            pass
        finally:
            made.unlink()
    return file.read_text("ascii").strip()

"""The session store that the settings name."""

from dialogue.sessions.bound import TIMEOUT_S
from dialogue.sessions.memory import MemoryStore
from dialogue.sessions.redis import RedisStore
from dialogue.sessions.sql import SqlStore
from dialogue.sessions.store import SessionStore
from parley import paths
from parley.errors import ConfigurationError
from parley.retention import DAY_S
from parley.settings.orchestrator import SessionsSection

FILE = "sessions.db"


def open_store(settings: SessionsSection, *, timeout_s: float = TIMEOUT_S) -> SessionStore:
    """Connects to nothing yet; who opens it closes it. `timeout_s`: the longest wait of a call.

    Raises ConfigurationError for a URL that the chosen store cannot use.
    """
    url = settings.url.get_secret_value()
    if settings.store == "memory":
        return MemoryStore()
    if settings.store == "redis":
        if not url:
            raise ConfigurationError(
                "sessions.store is redis, but sessions.url (SESSIONS_URL) is empty: set it to "
                "redis://host:port"
            )
        return RedisStore(url, keep_s=settings.keep_days * DAY_S or None, timeout_s=timeout_s)
    if not url:
        return SqlStore(paths.state_dir() / FILE, timeout_s=timeout_s)
    if url.startswith(("redis:", "rediss:", "unix:")):
        raise ConfigurationError(
            "sessions.url (SESSIONS_URL) is a Redis: set sessions.store to redis"
        )
    return SqlStore(url, timeout_s=timeout_s)

"""The session store that the settings name."""

import logging
import time

from dialogue.sessions.bound import TIMEOUT_S
from dialogue.sessions.memory import MemoryStore
from dialogue.sessions.redis import RedisStore
from dialogue.sessions.sql import SqlStore
from dialogue.sessions.store import SessionStore, SessionStoreError
from parley import paths
from parley.clock import Clock
from parley.errors import ConfigurationError
from parley.settings.orchestrator import SessionsSection

FILE = "sessions.db"
_DAY_S = 86_400.0

_log = logging.getLogger(__name__)


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
        return RedisStore(url, keep_s=settings.keep_days * _DAY_S or None, timeout_s=timeout_s)
    if not url:
        return SqlStore(paths.state_dir() / FILE, timeout_s=timeout_s)
    if url.startswith(("redis:", "rediss:", "unix:")):
        raise ConfigurationError(
            "sessions.url (SESSIONS_URL) is a Redis: set sessions.store to redis"
        )
    return SqlStore(url, timeout_s=timeout_s)


async def purge_old(
    store: SessionStore, settings: SessionsSection, *, clock: Clock = time.time
) -> int:
    """Forgets what is older than `keep_days`; how many sessions that were.

    For the start of a process: a store that fails costs a line in the log, not the start.
    `clock`: seconds since 1970.
    """
    if not settings.keep_days:
        return 0
    try:
        purged = await store.purge(began_before_s=clock() - settings.keep_days * _DAY_S)
    except SessionStoreError as error:
        _log.warning("old sessions cannot be forgotten now: %s", error)
        return 0
    if purged:
        _log.info("forgot %d sessions that began over %d days ago", purged, settings.keep_days)
    return purged

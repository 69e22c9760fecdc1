"""The time within which a store of sessions has to answer."""

from contextlib import AbstractAsyncContextManager

from dialogue.bounded import TIMEOUT_S
from dialogue.bounded import bounded as _bounded
from dialogue.sessions.store import SessionStoreError

__all__ = ["TIMEOUT_S", "bounded"]


def bounded(name: str, timeout_s: float) -> AbstractAsyncContextManager[None]:
    """Raises SessionStoreError that names the store where it takes longer than `timeout_s`."""
    return _bounded(name, timeout_s, SessionStoreError)

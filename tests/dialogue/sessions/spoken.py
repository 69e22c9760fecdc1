"""Records and entries for the tests of the stores."""

from collections.abc import Sequence

from dialogue.sessions.store import SessionRecord, SessionStore
from parley.app.session import AnyEntry, PersonSaid


def record(session_id: str = "s1", *, began_at_s: float = 1_000.0) -> SessionRecord:
    return SessionRecord(id=session_id, channel="voice", began_at_s=began_at_s)


def batch(name: str, size: int = 3) -> list[AnyEntry]:
    return [PersonSaid(at_s=0.0, turn_id=name, text=f"{i} of {size}") for i in range(size)]


def batches(entries: Sequence[AnyEntry]) -> list[str]:
    """The names of the batches in a log, in order. Fails where one is torn or out of order."""
    names: list[str] = []
    rest = list(entries)
    while rest:
        first = rest[0]
        assert isinstance(first, PersonSaid)
        size = int(first.text.rpartition(" ")[2])
        assert rest[:size] == batch(first.turn_id, size)
        names.append(first.turn_id)
        del rest[:size]
    return names


async def log_of(store: SessionStore, session_id: str = "s1") -> list[str]:
    stored = await store.load(session_id)
    assert stored is not None
    return batches(stored.entries)

"""Persons who stand in a room without an agent: the watcher sees them, the door counts them."""

from collections.abc import Collection
from dataclasses import dataclass, field


@dataclass
class WaitingCalls:
    """Rooms by their ids: a room's name may come again."""

    _rooms: dict[str, str] = field(default_factory=dict)

    def add(self, sid: str, room: str) -> None:
        self._rooms[sid] = room

    def remove(self, sid: str) -> None:
        """Its agent has come, its person has left, or it gets no agent any more."""
        self._rooms.pop(sid, None)

    def keep_only(self, sids: Collection[str]) -> None:
        """The others have ended."""
        self._rooms = {sid: room for sid, room in self._rooms.items() if sid in sids}

    @property
    def rooms(self) -> frozenset[str]:
        return frozenset(self._rooms.values())

"""What the agent told of the floor during a call, in seconds since 1970 of its own clock."""

from collections.abc import Iterable
from dataclasses import dataclass

from caller.client import HeardEvent
from parley.room_events import FloorEvent, InterruptedEvent, TurnEvent

_SILENT = ("held", "yielded")
_SOUNDING = ("speaking", "ducked")
_OVER = ("quiet", "thinking", "yielded")


@dataclass(frozen=True)
class ReplyCut:
    """A reply cut short. `at_s` is when that was decided, or, where the agent did not say, when
    the news of it came."""

    at_s: float
    event: InterruptedEvent


@dataclass(frozen=True)
class FloorLog:
    """Floors and cuts in the order of their times; empty for an agent that tells none."""

    floors: tuple[FloorEvent, ...] = ()
    cuts: tuple[ReplyCut, ...] = ()
    answers: tuple[float, ...] | None = None
    """When each answer began to sound; a filler or an apology is none. None: nobody has asked."""

    @classmethod
    def of(cls, events: Iterable[HeardEvent], *, unix_offset_s: float) -> "FloorLog":
        """From the events as a caller received them; `unix_offset_s` as CallRecording has it."""
        floors: list[FloorEvent] = []
        cuts: list[ReplyCut] = []
        answers: list[float] = []
        for heard in events:
            event = heard.event
            if isinstance(event, FloorEvent):
                floors.append(event)
            elif isinstance(event, InterruptedEvent):
                came_s = heard.at_s + unix_offset_s
                cuts.append(ReplyCut(event.decided_at_s or came_s, event))
            elif isinstance(event, TurnEvent) and event.at_s is not None and not event.filler:
                answers.append(event.at_s)
        floors.sort(key=lambda floor: floor.at_s)
        cuts.sort(key=lambda cut: cut.at_s)
        return cls(tuple(floors), tuple(cuts), tuple(sorted(answers)))

    def replies(self) -> list[float]:
        """When each reply began to sound; going on after a murmur is no new reply."""
        began, sounding = [], False
        for floor in self.floors:
            if floor.floor == "speaking" and not sounding:
                began.append(floor.at_s)
            sounding = floor.floor == "speaking" or (sounding and floor.floor not in _OVER)
        return began

    def silenced(self, after_s: float, before_s: float) -> float | None:
        """When the agent decided to be silent, in that span, for good; None if it did not."""
        silent_s: float | None = None
        for floor in self.floors:
            if not after_s <= floor.at_s < before_s:
                continue
            if floor.floor in _SILENT:
                silent_s = floor.at_s if silent_s is None else silent_s
            elif floor.floor in _SOUNDING:
                silent_s = None
        if silent_s is None and (cut := self.cut(after_s, before_s)) is not None:
            silent_s = cut.event.decided_at_s
        return silent_s

    def ducked(self, after_s: float, before_s: float) -> float | None:
        """When the agent first turned down, or fell silent, in that span."""
        for floor in self.floors:
            if after_s <= floor.at_s < before_s and floor.floor in ("ducked", *_SILENT):
                return floor.at_s
        return None

    def yielded(self, after_s: float, before_s: float) -> bool:
        """Whether the person was given the floor in that span."""
        return any(
            floor.floor == "yielded" and after_s <= floor.at_s < before_s for floor in self.floors
        )

    def cut(self, after_s: float, before_s: float) -> ReplyCut | None:
        """The first cut in that span."""
        return next((cut for cut in self.cuts if after_s <= cut.at_s < before_s), None)

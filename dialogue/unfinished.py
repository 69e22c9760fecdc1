"""Tool calls that outlive their answer: one that must finish goes on when the person interrupts."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from pydantic import JsonValue

from parley.app.events import ToolFinished
from parley.app.session import ToolCalled

STILL_RUNS = "It still runs and will finish by itself. Do not call it again for the same thing."
CUT_OFF = "Cut off before it had finished; it is not known whether it did its work."

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class BegunCall:
    """A tool call that has begun; `task` gives how it ended."""

    turn_id: str
    call_id: str
    name: str
    arguments: dict[str, JsonValue]
    task: asyncio.Task[ToolFinished]

    def as_cut_off(self) -> ToolFinished:
        return ToolFinished(self.call_id, self.name, self.arguments, "cancelled", CUT_OFF, 0.0)


class Unfinished:
    """Keeps calls until they end, and tells `record` of each how it did, with its turn's id."""

    def __init__(self, record: Callable[[str, ToolFinished], None]) -> None:
        self._record = record
        self._calls: dict[asyncio.Task[ToolFinished], BegunCall] = {}

    def keep(self, call: BegunCall) -> None:
        """Records how the call ends, also where it is cancelled or has ended already."""
        if call.task.done():
            self._ended(call)
            return
        self._calls[call.task] = call
        call.task.add_done_callback(lambda _: self._ended(call))

    @property
    def running(self) -> list[ToolCalled]:
        """The calls as a model is to know of them while they run."""
        return [
            ToolCalled(
                at_s=time.time(),
                turn_id=call.turn_id,
                call_id=call.call_id,
                name=call.name,
                arguments=call.arguments,
                outcome="done",
                result=STILL_RUNS,
            )
            for call in self._calls.values()
        ]

    def has(self, turn_id: str) -> bool:
        """Whether a call of that turn still runs."""
        return any(call.turn_id == turn_id for call in self._calls.values())

    async def aclose(self, *, deadline_s: float) -> None:
        """Waits for the calls; those that take longer are cancelled, and recorded as such."""
        if self._calls:
            await asyncio.wait(tuple(self._calls), timeout=deadline_s)
        for task in tuple(self._calls):
            task.cancel()
        await asyncio.gather(*tuple(self._calls), return_exceptions=True)

    def _ended(self, call: BegunCall) -> None:
        self._calls.pop(call.task, None)
        if call.task.cancelled():
            finished = call.as_cut_off()
        elif (error := call.task.exception()) is not None:
            _log.error("a call of tool %s was lost: %s", call.name, type(error).__name__)
            finished = call.as_cut_off()
        else:
            finished = call.task.result()
        self._record(call.turn_id, finished)

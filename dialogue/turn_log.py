"""What goes into a session's log of one turn, held back until the turn is known to be one."""

import time
from collections.abc import Callable
from typing import get_args

from dialogue.session_log import StoredLog
from parley.app.events import ToolFinished
from parley.app.session import (
    AgentSaid,
    AnyEntry,
    HandedOff,
    PersonSaid,
    ToolCalled,
    ToolOutcome,
)


class TurnLog:
    """Of a turn that is never committed nothing is logged."""

    def __init__(
        self,
        log: StoredLog,
        turn_id: str,
        text: str,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.turn_id = turn_id
        self.text = text
        self._log = log
        self._now = now
        self._held_back: list[AnyEntry] = []
        self._committed = False
        self._said = ""
        self.answer_is_over = False
        """Nothing happens in the turn any more but tools that must finish."""
        self.is_dropped = False
        """It was a guess, and will never be committed."""

    @property
    def is_settled(self) -> bool:
        """Whether nobody needs it any more, unless a tool of it still runs."""
        return self.answer_is_over and (self._committed or self.is_dropped)

    def commit(self) -> None:
        if self._committed or self.is_dropped:
            return
        self._committed = True
        if self.text and not self._is_logged():
            said = PersonSaid(at_s=self._now(), turn_id=self.turn_id, text=self.text)
            self._held_back.insert(0, said)
        self._log.append(*self._held_back)
        self._held_back.clear()

    def _is_logged(self) -> bool:
        """Whether what the person said is in the log: a process that died had put it there."""
        return any(
            isinstance(entry, PersonSaid) and entry.turn_id == self.turn_id
            for entry in reversed(self._log.entries)
        )

    def write(self, entry: AnyEntry) -> None:
        if self._committed:
            self._log.append(entry)
        else:
            self._held_back.append(entry)

    def said_beside(self, text: str) -> None:
        """The person said more, to which the turn's answer goes on."""
        self.write(PersonSaid(at_s=self._now(), turn_id=self.turn_id, text=text))

    def said(self, text: str) -> None:
        """A piece of the answer; logged as one entry when the answer ends."""
        self._said += text

    def answer_ended(self) -> None:
        if self._said:
            said, self._said = self._said, ""
            self.write(AgentSaid(at_s=self._now(), turn_id=self.turn_id, text=said))

    def handed_off(self, agent: str, keeps: int | None) -> None:
        self.answer_ended()
        self.write(HandedOff(at_s=self._now(), agent=agent, keeps=keeps))

    def late_tool_ended(self, end: ToolFinished) -> None:
        """Of a turn that was committed long ago, maybe in another process."""
        self._committed = True
        self.tool_ended(end)

    def tool_ended(self, end: ToolFinished) -> None:
        outcome: ToolOutcome = "done"
        for known in get_args(ToolOutcome):
            outcome = known if end.outcome == known else outcome
        self.write(
            ToolCalled(
                at_s=self._now(),
                turn_id=self.turn_id,
                call_id=end.call_id,
                name=end.name,
                arguments=dict(end.arguments),
                outcome=outcome,
                result=end.result,
            )
        )

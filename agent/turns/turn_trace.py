"""The trace of each turn of a call: from the person's first word to the end of the answer."""

from opentelemetry.trace import Span, SpanContext

from parley.telemetry import tracing


class TurnTrace:
    """Of one call. Times are seconds since 1970."""

    def __init__(self, session_id: str = "") -> None:
        self._session_id = session_id
        self._announce()
        self._begun: dict[int, Span] = {}
        """Turns that are being answered, by their trace ids."""

    def _announce(self) -> None:
        self._next = tracing.new_turn()
        self.traceparent = tracing.traceparent(self._next)
        """Of the turn that has not been taken, as the workers are told."""

    @property
    def next_turn(self) -> SpanContext:
        """The turn that has not been taken: what is heard, and answered on a guess, is of it."""
        return self._next

    def taken(self, *, began_at_s: float | None, spoken: bool) -> None:
        """The person has had the turn; what comes now is of the next one."""
        ids = self._next
        self._announce()
        attributes: tracing.Attributes = {
            "session.id": self._session_id,
            "parley.turn.spoken": spoken,
        }
        self._begun[ids.trace_id] = tracing.begin_turn(
            ids, began_at_s=began_at_s, attributes=attributes
        )

    def answered(
        self,
        ids: SpanContext,
        *,
        silent_at_s: float,
        ended_at_s: float | None,
        transcript_at_s: float,
        sounds_at_s: float,
    ) -> None:
        """The answer sounds: what the person has waited for since they fell silent. `ended_at_s`:
        the turn was known to be over."""
        waits = {"endpointing": ended_at_s, "transcript": transcript_at_s, "response": sounds_at_s}
        for name, until_s in waits.items():
            if until_s is not None and until_s > silent_at_s:
                tracing.record(name, parent=ids, began_at_s=silent_at_s, ended_at_s=until_s)

    def ended(self, ids: SpanContext, *, interrupted: bool) -> None:
        """No more will be heard of the answer; a turn without a span has none to end."""
        if (turn := self._begun.pop(ids.trace_id, None)) is not None:
            turn.set_attribute("parley.turn.interrupted", interrupted)
            turn.end()

    def close(self) -> None:
        """The call is over."""
        for turn in self._begun.values():
            turn.end()
        self._begun.clear()

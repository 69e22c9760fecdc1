"""What the person types is answered like what they say."""

from collections.abc import Awaitable, Callable

from livekit.agents import AgentSession, room_io

from agent.room.events import RoomEventPublisher
from agent.turns.report import TurnReport
from parley.budgets import in_words, without_limit
from parley.token_bucket import TokenBucket

MAX_TYPED_CHARS = 2000
MESSAGES_PER_MINUTE = 20


class TypedText:
    """The framework's callback for text from the room (topic `lk.chat`)."""

    def __init__(
        self,
        events: RoomEventPublisher,
        report: TurnReport,
        *,
        on_typed: Callable[[], None] = lambda: None,
        takes_presence: Callable[[str], bool] = lambda text: False,
        spends: Callable[[], Awaitable[int | None]] = without_limit,
    ) -> None:
        """`takes_presence`: whether the text only asks into the wait for an answer whether anybody
        is there; then it has been answered. `spends` takes one message of the person's: None, or
        the seconds to wait."""
        self._events = events
        self._report = report
        self._on_typed = on_typed
        self._takes_presence = takes_presence
        self._spends = spends
        self._budget = TokenBucket(MESSAGES_PER_MINUTE)

    async def __call__(self, session: AgentSession[None], event: room_io.TextInputEvent) -> None:
        """What the person has typed."""
        await self.take(session, event.text)

    async def take(self, session: AgentSession[None], typed: str) -> None:
        """Answers at once: what the agent is saying gives way, unless the text asks for it."""
        if (wait_s := self._budget.retry_after_s()) is not None:
            self._events.error(
                "too_many_messages", f"That was too much at once: try again in {wait_s} s."
            )
            return
        if (wait_s := await self._spends()) is not None:
            self._events.error(
                "budget_spent",
                "You have sent as many messages as you may for now: "
                f"try again in {in_words(wait_s)}.",
            )
            return
        text = typed.encode("utf-8", "ignore").decode().strip()
        if len(text) > MAX_TYPED_CHARS:
            self._events.error(
                "text_too_long", f"Only the first {MAX_TYPED_CHARS:,} characters were read."
            )
        if text:
            self._on_typed()
            if self._takes_presence(text):
                return
            self._report.person_typed()
            await session.interrupt()
            session.generate_reply(user_input=text[:MAX_TYPED_CHARS], input_modality="text")

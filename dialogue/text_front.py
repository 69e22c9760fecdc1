"""A conversation held by text: what the person was shown is what they have heard."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from dialogue.conversation import Conversation
from dialogue.text.languages import get_or_english
from parley.app.app_service import Media
from parley.app.events import Done, Event, Handoff, TextDelta, Usage
from parley.clock import Clock, monotonic


class TextFront:
    """Greets, and answers one text after the other. `default_greeting`: the settings' own, for an
    agent that declares none; `clock` the one of the conversation's resources."""

    def __init__(
        self,
        conversation: Conversation,
        *,
        default_greeting: str = "",
        clock: Clock = monotonic,
    ) -> None:
        self.conversation = conversation
        self._default_greeting = default_greeting
        self._clock = clock

    async def greet(self) -> str:
        """What the agent says first, in a conversation that begins; empty: the person does."""
        if self.conversation.session.log.entries:
            return ""
        agent = self.conversation.agent
        greeting = agent.greeting
        if greeting is None:
            language = get_or_english(agent.language or self.conversation.session.language)
            greeting = language.greeting_for(self._default_greeting)
        if greeting:
            await self.conversation.heard(self.conversation.say(greeting), greeting)
        return greeting

    async def answer(self, text: str, *, media: Sequence[Media] = ()) -> AsyncGenerator[Event]:
        """The events of the answer, those of an agent that takes over within it included; Done
        comes once, at the end.

        Closing it, or cancelling who reads it, interrupts the answer: what was yielded was heard.
        """
        usage = Usage()
        while True:
            handed_off, shown, interrupted = False, "", True
            turn = self.conversation.turn(text, waiting_since_s=self._clock(), media=media)
            turn.commit()
            try:
                async with aclosing(turn.events()) as events:
                    async for event in events:
                        if isinstance(event, Done):
                            usage = _sum(usage, event.usage)
                            continue
                        if isinstance(event, TextDelta):
                            shown += event.text
                        handed_off |= isinstance(event, Handoff)
                        yield event
                interrupted = False
            finally:
                await self.conversation.heard(turn.id, shown, interrupted=interrupted)
            if not handed_off:
                break
            text, media = "", ()
        yield Done(usage)


def _sum(one: Usage, other: Usage) -> Usage:
    return Usage(one.input_tokens + other.input_tokens, one.output_tokens + other.output_tokens)

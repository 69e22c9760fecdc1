"""The voice form: what bridges a wait, and how a question sounds."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

from parley import Event, Filler, Progress, TextDelta
from parley.clock import Clock, monotonic

FILLER_AFTER_S = 0.8
_OTHERWISE = "One moment."
_SPOKEN_OPTIONS = 3


async def bridged(
    events: AsyncGenerator[Event], *, waiting_since_s: float, clock: Clock = monotonic
) -> AsyncGenerator[Event]:
    """The events; where nothing is said for FILLER_AFTER_S, what is being done is said once."""
    doing, said = _OTHERWISE, False
    task: asyncio.Task[Event] = asyncio.ensure_future(anext(events))
    try:
        while True:
            due_s = waiting_since_s + FILLER_AFTER_S - clock()
            done, _ = await asyncio.wait({task}, timeout=None if said else max(0.0, due_s))
            if not done:
                said = True
                yield Filler(doing)
                continue
            try:
                event = task.result()
            except StopAsyncIteration:
                return
            task = asyncio.ensure_future(anext(events))
            if isinstance(event, Progress):
                doing = event.message
            said = said or isinstance(event, TextDelta)
            yield event
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await events.aclose()


def spoken_question(question: str, options: Sequence[str]) -> str:
    """The question, with some of its answers as examples."""
    named = [option for option in options if not option.startswith("Any ")][:_SPOKEN_OPTIONS]
    if not named:
        return question
    first = f"{', '.join(named[:-1])} or " if named[1:] else ""
    return f"{question} For example {first}{named[-1]}."

"""A call that nobody speaks in is ended, however it came to be silent; a turned clock waits."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
from livekit.agents import AgentSession

from agent.call_limits import WARNED_S, CallLimits
from parley.app.agent import SilencePrompts
from testkit.fake_clock_loop import FakeClockLoop

SPEAKING_S = 2.0
CLOSING = "(hangs up)"


class TalkedWith:
    """A session, as far as the limits follow it; keeps what is said, and when."""

    def __init__(self, state: str = "listening") -> None:
        self.agent_state = state
        self.said: list[tuple[float, str]] = []
        self._handlers: dict[str, Callable[[Any], None]] = {}

    def on(self, event: str, handler: Callable[[Any], None]) -> None:
        self._handlers[event] = handler

    async def say(self, text: str) -> None:
        self.said.append((asyncio.get_running_loop().time(), text))
        self.agent("speaking")
        await asyncio.sleep(SPEAKING_S)
        self.agent("listening")

    def hang_up(self) -> None:
        self.said.append((asyncio.get_running_loop().time(), CLOSING))

    def agent(self, state: str) -> None:
        self.agent_state = state
        self._handlers["agent_state_changed"](SimpleNamespace(new_state=state))

    def person(self, state: str) -> None:
        self._handlers["user_state_changed"](SimpleNamespace(new_state=state))


def turned(
    scenario: Callable[[TalkedWith, CallLimits], Coroutine[None, None, None]],
    *,
    prompts: Sequence[str] = ("Hello?", "Still there?"),
    after_s: float | None = 10.0,
    max_call_s: float | None = None,
    state: str = "listening",
) -> list[tuple[float, str]]:
    async def run() -> list[tuple[float, str]]:
        session = TalkedWith(state)
        limits = CallLimits(
            silence=SilencePrompts(after_s=after_s) if after_s is not None else None,
            prompts=prompts,
            max_call_s=max_call_s,
            warning="(one minute)",
            say=session.say,
            hang_up=session.hang_up,
        )
        limits.follow(cast(AgentSession[None], session))
        await scenario(session, limits)
        await limits.aclose()
        return session.said

    with asyncio.Runner(loop_factory=FakeClockLoop) as runner:
        return runner.run(run())


@pytest.mark.parametrize(
    ("prompts", "after_s", "said"),
    [
        (("Hello?", "Still there?"), 10.0, [(10, "Hello?"), (22, "Still there?"), (34, CLOSING)]),
        (("Hello?",), 5.0, [(5, "Hello?"), (12, CLOSING)]),
        ((), 30.0, [(30, CLOSING)]),
        (("A?", "B?", "C?"), 1.0, [(1, "A?"), (4, "B?"), (7, "C?"), (10, CLOSING)]),
    ],
)
def test_who_never_says_a_word_is_asked_though_nobody_greeted_them(
    prompts: Sequence[str], after_s: float, said: list[tuple[float, str]]
) -> None:
    async def silence(session: TalkedWith, limits: CallLimits) -> None:
        await asyncio.sleep(60)

    assert turned(silence, prompts=prompts, after_s=after_s) == said


def test_the_greeting_is_no_silence() -> None:
    async def greeted(session: TalkedWith, limits: CallLimits) -> None:
        await session.say("Good morning!")
        await asyncio.sleep(11)

    said = turned(greeted, state="initializing")
    assert said == [(0.0, "Good morning!"), (12.0, "Hello?")]


@pytest.mark.parametrize("there", ["speaks", "types", "speaks long"])
def test_who_is_there_is_not_asked_and_begins_anew(there: str) -> None:
    async def lively(session: TalkedWith, limits: CallLimits) -> None:
        await asyncio.sleep(12.5)  # they have been asked once, and heard it
        if there == "types":
            limits.person_typed()
            await session.say("An answer.")
        else:
            session.person("speaking")
            await asyncio.sleep(60 if there == "speaks long" else 1)
            session.person("listening")
            await session.say("An answer.")
        await asyncio.sleep(11)

    words = [text for _, text in turned(lively)]
    assert words == ["Hello?", "An answer.", "Hello?"]


def test_while_an_answer_is_thought_of_nobody_is_asked() -> None:
    async def thinking(session: TalkedWith, limits: CallLimits) -> None:
        session.agent("thinking")
        await asyncio.sleep(300)
        session.agent("listening")
        await asyncio.sleep(11)

    assert turned(thinking) == [(310.0, "Hello?")]


@pytest.mark.parametrize(
    ("max_call_s", "said"),
    [
        (100.0, [(100, CLOSING)]),
        (2 * WARNED_S + 1, [(61, "(one minute)"), (121, CLOSING)]),
        (600.0, [(540, "(one minute)"), (600, CLOSING)]),
    ],
)
def test_a_call_that_lasts_too_long_is_warned_and_ended(
    max_call_s: float, said: list[tuple[float, str]]
) -> None:
    async def chat(session: TalkedWith, limits: CallLimits) -> None:
        await asyncio.sleep(700)

    assert turned(chat, after_s=None, max_call_s=max_call_s) == said


def test_another_agent_asks_in_its_own_way_from_then_on() -> None:
    async def handed_over(session: TalkedWith, limits: CallLimits) -> None:
        await asyncio.sleep(11)
        limits.wait_as(SilencePrompts(after_s=3.0), ["Anything else?"])
        await asyncio.sleep(20)

    said = turned(handed_over)
    assert said == [(10, "Hello?"), (15, "Anything else?"), (20, CLOSING)]

"""Waits of a whole answer on a turned clock: what is said when, and when it is given up."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

import pytest

from dialogue.conversation import Conversation
from dialogue.messages import Message, ToolRequest
from dialogue.model import Finished, OfferedTool, Piece, Text
from dialogue.resources import Resources
from dialogue.text.languages.english import PHRASES as ENGLISH
from parley import Agent, tool
from parley.app.events import Event, Filler, TextDelta, ToolFinished
from parley.app.session import PersonSaid
from testkit.fake_clock_loop import FakeClockLoop
from tests.dialogue.conversing import KeptInMemory, of, record

CALL = ToolRequest("c1", "work", "{}")


@dataclass
class PlayedModel:
    """A ChatModel on the turned clock, where no socket can be: pieces, and seconds between."""

    rounds: list[Sequence[Piece | float]]

    def variant(
        self, *, model: str | None = None, temperature: float | None = None
    ) -> "PlayedModel":
        return self

    async def fill_prompt_cache(
        self, messages: Sequence[Message], tools: Sequence[OfferedTool] = ()
    ) -> str:
        return ""

    async def learns_from_examples(self) -> bool:
        return True

    async def answer(
        self, messages: Sequence[Message], tools: Sequence[OfferedTool] = ()
    ) -> AsyncGenerator[Piece]:
        for piece in self.rounds.pop(0):
            if isinstance(piece, float):
                await asyncio.sleep(piece)
            else:
                yield piece
        yield Finished("stop")


def played(
    agent: Agent,
    *rounds: Sequence[Piece | float],
    presence_at_s: Sequence[float] = (),
    store: KeptInMemory | None = None,
) -> list[tuple[float, Event]]:
    """The events of one turn, each with the seconds since the person stopped. `presence_at_s`: when
    they ask into it whether anybody is there."""

    async def play() -> list[tuple[float, Event]]:
        loop = asyncio.get_running_loop()
        conversation = await Conversation.open(
            store or KeptInMemory(),
            record(),
            agent,
            Resources(
                model=PlayedModel(list(rounds)),
                instructions="",
                clock=loop.time,
            ),
            now=loop.time,
        )
        turn = conversation.turn("Go.", waiting_since_s=(began_s := loop.time()))
        turn.commit()
        for at_s in presence_at_s:
            loop.call_later(at_s, turn.asked_presence, "Hello?")
        events = [(loop.time() - began_s, event) async for event in turn.events()]
        await conversation.aclose()
        return events

    loop = FakeClockLoop()
    try:
        return loop.run_until_complete(play())
    finally:
        loop.close()


def fillers(events: Sequence[tuple[float, Event]]) -> list[tuple[float, str]]:
    return [(at_s, event.text) for at_s, event in events if isinstance(event, Filler)]


def working(takes_s: float, *, says: str | None = None) -> Agent:
    @tool(says=says, timeout_s=1000.0)
    async def work() -> str:
        """Works."""
        await asyncio.sleep(takes_s)
        return "done"

    return Agent(tools=[work])


def test_a_long_tool_is_bridged_all_the_way() -> None:
    events = played(working(40.0, says="Let me look."), [0.3, CALL], [0.2, Text("Found.")])
    said = fillers(events)
    assert said[0][0] == pytest.approx(0.8) and said[0][1] == "Let me look."
    ends_s = [at_s + len(text) / 15.0 for at_s, text in said]
    silences = [at_s - end_s for (at_s, _), end_s in zip(said[1:], ends_s, strict=False)]
    assert silences == pytest.approx([6.0, 10.0, 15.0][: len(silences)])
    assert len(said) == 4
    assert events[-2][0] == pytest.approx(40.5) and events[-2][1] == TextDelta("Found.")


def test_a_quick_tool_is_not_talked_over() -> None:
    assert fillers(played(working(0.3), [0.3, CALL], [0.1, Text("Found.")])) == []


def test_a_tool_after_words_is_bridged_when_these_have_been_said() -> None:
    events = played(
        working(5.0), [0.3, Text("I'll look it up now, please wait."), CALL], [Text("x")]
    )
    at_s, text = fillers(events)[0]
    assert at_s == pytest.approx(0.3 + 33 / 15.0 + 0.8) and text == ENGLISH.slow_tool[0]


def test_a_slow_model_is_bridged_in_steps() -> None:
    said = fillers(played(Agent(), [20.0, Text("Hello.")]))
    assert [text for _, text in said] == [text for _, text in ENGLISH.slow_model]
    assert said[0][0] == pytest.approx(3.0)
    assert said[1][0] == pytest.approx(3.0 + len(said[0][1]) / 15.0 + 4.0)


def test_a_model_that_pauses_within_its_answer_is_not_talked_over() -> None:
    assert fillers(played(Agent(), [Text("Well,"), 20.0, Text(" yes.")])) == []


def test_a_tool_whose_own_work_was_cancelled_has_failed_and_nothing_else() -> None:
    @tool
    async def work() -> str:
        """Works."""
        inner = asyncio.create_task(asyncio.sleep(10.0))
        asyncio.get_running_loop().call_soon(inner.cancel)
        await inner
        return ""

    events = played(Agent(tools=[work]), [CALL], [Text("Sorry.")])
    (end,) = of([event for _, event in events], ToolFinished)
    assert end.outcome == "failed" and events[-2][1] == TextDelta("Sorry.")


def test_who_asks_into_the_wait_for_the_model_is_told_and_the_answer_goes_on() -> None:
    store = KeptInMemory()
    events = played(Agent(), [5.0, Text("Here it is.")], presence_at_s=[1.5, 4.0], store=store)
    said = fillers(events)
    assert said == [(1.5, ENGLISH.still_here[0]), (4.0, ENGLISH.still_here[1])]
    assert [event for _, event in events if isinstance(event, TextDelta)] == [
        TextDelta("Here it is.")
    ]
    logged = [e.text for e in store.sessions["s1"][1] if isinstance(e, PersonSaid)]
    assert logged == ["Go.", "Hello?", "Hello?"]


def test_who_asks_while_a_tool_runs_is_told_and_the_tool_runs_on() -> None:
    events = played(working(5.0, says="Let me look."), [0.3, CALL], [Text("Found.")],
                    presence_at_s=[3.0])  # fmt: skip
    assert [text for _, text in fillers(events)] == ["Let me look.", ENGLISH.still_here[0]]
    assert len([event for _, event in events if isinstance(event, ToolFinished)]) == 1
    assert events[-2][1] == TextDelta("Found.")


def test_nothing_is_said_to_who_asks_when_the_answer_is_there() -> None:
    events = played(Agent(), [Text("Here it is."), 5.0], presence_at_s=[2.0])
    assert fillers(events) == []

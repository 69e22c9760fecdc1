"""Intent and retrieval side by side, each with its own deadline."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from dialogue.intents.catalog import DeclaredIntent
from dialogue.intents.classifier import Intent, IntentError
from dialogue.orchestration.ahead import GroundsAhead
from dialogue.orchestration.thinking import Grounds, Thinking
from dialogue.retrieval.retriever import Passage, RetrievalStats
from testkit.fake_clock_loop import FakeClockLoop

PASSAGE = Passage("We open at ten.", "hours.md", 0.9)


@dataclass
class Slow:
    """A classifier and a retriever that take so long."""

    after_s: float
    fails: bool = False
    asked: list[str] = field(default_factory=list)
    cancelled: int = 0

    async def classify(self, text: str) -> Intent:
        await self._work(text)
        return Intent("opening_hours", 0.8)

    async def query(self, text: str, limit: int = 4) -> Sequence[Passage]:
        await self._work(text)
        return (PASSAGE,)

    async def stats(self) -> RetrievalStats:
        return RetrievalStats("ready")

    async def aclose(self) -> None: ...

    async def _work(self, text: str) -> None:
        self.asked.append(text)
        try:
            await asyncio.sleep(self.after_s)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.fails:
            raise IntentError("not today")


def turned(work: object) -> Grounds:
    """Runs it on a clock that is turned."""
    with asyncio.Runner(loop_factory=FakeClockLoop) as runner:
        return runner.run(work)  # type: ignore[arg-type]


def thinking(intent: Slow | None, retrieval: Slow | None, **more: object) -> Thinking:
    loop_time = {"clock": lambda: asyncio.get_running_loop().time()}
    return Thinking(classifier=intent, retriever=retrieval, **loop_time, **more)  # type: ignore[arg-type]


def test_both_are_asked_at_once() -> None:
    found = turned(thinking(Slow(0.08), Slow(0.08)).about("when?"))
    assert found.intent is not None
    assert found.intent.name == "opening_hours"
    assert found.passages == (PASSAGE,)
    assert found.left_out == {}
    assert found.parallel_ms < 110, "80 and 80 milliseconds side by side"
    one_after_the_other = thinking(Slow(0.08), Slow(0.08), side_by_side=False)
    assert turned(one_after_the_other.about("when?")).parallel_ms >= 160


def test_one_that_is_late_is_left_out_and_cancelled() -> None:
    slow, told = Slow(5.0), list[Grounds]()
    found = turned(thinking(slow, Slow(0.12), on_grounds=told.append).about("when?"))
    assert found.intent is None
    assert found.left_out == {"intent": "late"}
    assert found.passages == (PASSAGE,)
    assert found.parallel_ms < 160
    assert slow.cancelled == 1
    assert told == [found]
    assert turned(thinking(Slow(0.02), Slow(5.0)).about("when?")).left_out == {"retrieval": "late"}


def test_one_that_fails_is_left_out() -> None:
    found = turned(thinking(Slow(0.0, fails=True), Slow(0.0)).about("when?"))
    assert found.left_out == {"intent": "failed"}
    assert found.passages == (PASSAGE,)


def test_what_an_intent_wants_is_told_to_the_model() -> None:
    rules = {"opening_hours": DeclaredIntent(examples=("when?",), instructions="Name the day.")}
    found = turned(thinking(Slow(0.0), Slow(0.0), rules=rules).about("when?"))
    assert found.notes.startswith("Name the day.")
    assert "[hours.md] We open at ten." in found.notes
    assert found.event.intent == "opening_hours"
    assert found.event.sources == ("hours.md",)


def test_what_was_begun_for_a_partial_is_taken_by_the_turn_that_says_the_same() -> None:
    retrieval = Slow(0.1)

    async def turn() -> Grounds:
        ahead = GroundsAhead(thinking(None, retrieval))
        ahead.begin("when do")
        await asyncio.sleep(0)
        ahead.begin("when do you open")
        await asyncio.sleep(0.09)
        began_s = asyncio.get_running_loop().time()
        found = await ahead.about("when do you open")
        assert asyncio.get_running_loop().time() - began_s < 0.05
        other = await ahead.about("something else")
        assert other.passages
        await ahead.aclose()
        return found

    assert turned(turn()).passages == (PASSAGE,)
    assert retrieval.asked == ["when do", "when do you open", "something else"]
    assert retrieval.cancelled == 1

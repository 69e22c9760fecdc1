"""Whatever is interrupted when: no effect of a turn that was none, none twice, none forgotten."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from dialogue.conversation import Conversation
from dialogue.messages import Message, ToolMessage, ToolRequest
from dialogue.model import Finished, OfferedTool, Piece, Text
from dialogue.resources import Resources
from parley import Agent, ToolContext, tool
from parley.app.session import AnyEntry, HandedOff, Resumed, ToolCalled
from testkit.fake_clock_loop import FakeClockLoop
from tests.dialogue.conversing import KeptInMemory, record

TURNS = 12
KINDS = ("look", "order", "must_order")


@dataclass(frozen=True)
class Planned:
    """One turn: times in seconds from its beginning; None: never."""

    calls: Sequence[tuple[str, float]]
    """Each a kind of tool and how long it takes."""
    thinks_s: float
    committed_s: float | None
    cancelled_s: float | None
    cancelled_twice: bool


# Fractions that add up exactly, so that things happen at the same moment, too.
TIMES = st.sampled_from([0.0, 0.0625, 0.125, 0.1875, 0.25, 0.375, 0.5, 1.0])
PLANS = st.lists(
    st.builds(
        Planned,
        calls=st.lists(st.tuples(st.sampled_from(KINDS), TIMES), max_size=3),
        thinks_s=TIMES,
        committed_s=st.none() | TIMES,
        cancelled_s=st.none() | TIMES,
        cancelled_twice=st.booleans(),
    ),
    min_size=TURNS,
    max_size=TURNS,
)


@dataclass
class PlannedModel:
    """A ChatModel on the turned clock, where no socket can be: calls what the plan says."""

    plans: Sequence[Planned]

    async def fill_prompt_cache(
        self, messages: Sequence[Message], tools: Sequence[OfferedTool] = ()
    ) -> str:
        return ""

    async def learns_from_examples(self) -> bool:
        return True

    def variant(
        self, *, model: str | None = None, temperature: float | None = None
    ) -> "PlannedModel":
        return self

    async def answer(
        self, messages: Sequence[Message], tools: Sequence[OfferedTool] = ()
    ) -> AsyncGenerator[Piece]:
        last = messages[-1]
        assert not isinstance(last, ToolMessage) or last.text
        if isinstance(last, ToolMessage):
            yield Text("Done.")
        else:
            number = int(last.text.split()[-1])
            plan = self.plans[number]
            await asyncio.sleep(plan.thinks_s)
            yield Text("Well. ")
            for place, (kind, took_s) in enumerate(plan.calls):
                key = f"{number}-{place}"
                yield ToolRequest(key, kind, f'{{"key": "{key}", "takes_s": {took_s}}}')
        yield Finished("stop")


@dataclass
class Shop:
    """Notes every effect, with when it happened."""

    effects: list[tuple[str, str, float]] = field(default_factory=list)
    looks: int = 0

    def agent(self) -> Agent:
        async def work(key: str, takes_s: float, context: ToolContext) -> str:
            await asyncio.sleep(takes_s / 2)
            self.effects.append((context.turn_id, key, asyncio.get_running_loop().time()))
            await asyncio.sleep(takes_s / 2)
            return f"ordered {key}"

        @tool
        async def order(key: str, takes_s: float, context: ToolContext) -> str:
            """Orders."""
            return await work(key, takes_s, context)

        @tool(must_finish=True)
        async def must_order(key: str, takes_s: float, context: ToolContext) -> str:
            """Orders, whatever happens."""
            return await work(key, takes_s, context)

        @tool(read_only=True)
        async def look(key: str, takes_s: float) -> str:
            """Looks."""
            await asyncio.sleep(takes_s)
            self.looks += 1
            return "seen"

        return Agent(tools=[order, must_order, look])


@dataclass
class Played:
    shop: Shop = field(default_factory=Shop)
    entries: list[AnyEntry] = field(default_factory=list)
    stored: list[AnyEntry] = field(default_factory=list)
    committed_at_s: dict[str, float] = field(default_factory=dict)
    completed: set[str] = field(default_factory=set)
    """Turns whose answer was read to its end."""


async def play(plans: Sequence[Planned]) -> Played:
    loop, played, store = asyncio.get_running_loop(), Played(), KeptInMemory()
    conversation = await Conversation.open(
        store,
        record(),
        played.shop.agent(),
        Resources(model=PlannedModel(plans), instructions="", clock=loop.time),
        now=loop.time,
    )
    for number, plan in enumerate(plans):
        await take_turn(conversation, number, plan, played)
    await conversation.aclose()
    played.entries = list(conversation.session.log.entries)
    played.stored = store.sessions["s1"][1]
    return played


async def take_turn(conversation: Conversation, number: int, plan: Planned, played: Played) -> None:
    loop = asyncio.get_running_loop()
    turn = conversation.turn(f"turn {number}", waiting_since_s=loop.time(), turn_id=str(number))

    def commit() -> None:
        if not reading.cancelled() and not cancelled:
            turn.commit()
            played.committed_at_s.setdefault(turn.id, loop.time())

    async def read() -> None:
        async for _ in turn.events():
            pass
        played.completed.add(turn.id)

    cancelled: list[bool] = []

    def cancel() -> None:
        cancelled.append(True)
        reading.cancel()
        if plan.cancelled_twice:
            loop.call_soon(reading.cancel)

    reading = asyncio.create_task(read())
    if plan.committed_s is not None:
        loop.call_later(plan.committed_s, commit)
    # Nobody waits for a guess for ever: the person goes on, or there is a turn.
    never_s = 30.0 if plan.committed_s is None else None
    cancelled_s = never_s if plan.cancelled_s is None else plan.cancelled_s
    if cancelled_s is not None:
        loop.call_later(cancelled_s, cancel)
    await asyncio.gather(reading, return_exceptions=True)


def played_on_a_turned_clock(plans: Sequence[Planned]) -> Played:
    loop = FakeClockLoop()
    try:
        return loop.run_until_complete(play(plans))
    finally:
        loop.close()


@settings(max_examples=40, deadline=None)
@given(plans=PLANS)
def test_effects_happen_only_in_turns_once_and_are_all_remembered(plans: list[Planned]) -> None:
    played = played_on_a_turned_clock(plans)
    calls = [entry for entry in played.entries if isinstance(entry, ToolCalled)]
    ends = {call.call_id: call for call in calls}

    for turn_id, key, at_s in played.shop.effects:
        assert turn_id in played.committed_at_s, "an effect of a turn that was none"
        assert at_s >= played.committed_at_s[turn_id], "an effect before it was a turn"
        assert key in ends, "an effect that the log does not know"
    counted = Counter(key for _, key, _ in played.shop.effects)
    assert set(counted.values()) <= {1}, "an effect twice"
    assert len(ends) == len(calls), "a call twice in the log"

    for number, plan in enumerate(plans):
        for place, (kind, _) in enumerate(plan.calls):
            key = f"{number}-{place}"
            if str(number) in played.completed & played.committed_at_s.keys():
                assert ends[key].outcome == "done"
                assert kind == "look" or counted[key] == 1, "an effect that never came"
            if kind == "must_order" and key in ends:
                assert ends[key].outcome == "done" and counted[key] == 1

    for entry in played.entries:
        if not isinstance(entry, HandedOff | Resumed):
            assert entry.turn_id in played.committed_at_s, "a word of a turn that was none"
    assert played.stored == played.entries

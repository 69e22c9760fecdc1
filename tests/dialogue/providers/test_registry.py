"""Several providers as one model: who is asked, when, how often; and what their servers see."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import pytest
from prometheus_client import CollectorRegistry

from dialogue.breakers.breaker import BreakerPolicy, Breakers
from dialogue.conversation import Conversation
from dialogue.limits.buckets import LocalBuckets
from dialogue.model import Finished, Piece, Text
from dialogue.model_errors import ModelRequestError
from dialogue.model_pace import ModelPace
from dialogue.providers.provider import Provider
from dialogue.providers.registry import ModelRegistry
from dialogue.resources import Resources
from parley import Agent, tool
from parley.telemetry.models import ModelMetrics
from testkit.fake_llm import FakeLlm, Script, ScriptedAnswer, ScriptedToolCall, in_turn
from tests.dialogue.breakers.conftest import TurnedClock
from tests.dialogue.conversing import (
    INSTRUCTIONS,
    KeptInMemory,
    ask,
    error_codes,
    record,
    said,
)
from tests.dialogue.providers.serving import (
    QUESTION,
    anthropic_model,
    hung_up,
    openai_model,
    text_of,
)

NEVER_S = 600.0
AT_ONCE_S = 0.02
SERVERS = (openai_model, anthropic_model, openai_model)
FAILS = in_turn(ScriptedAnswer(status=503))


def says(text: str) -> Script:
    return in_turn(ScriptedAnswer(text=text))


@dataclass
class Served:
    """A registry of providers one, two, … and what their servers saw."""

    registry: ModelRegistry
    providers: Sequence[Provider]
    servers: Sequence[FakeLlm]
    breakers: Breakers
    metrics: CollectorRegistry

    @property
    def asked(self) -> list[int]:
        """How often each server was."""
        return [len(server.requests) for server in self.servers]

    async def answer(self) -> list[Piece]:
        return [piece async for piece in self.registry.model().answer(QUESTION)]

    def outcomes(self, provider: str, outcome: str) -> float:
        labels = {"provider": provider, "outcome": outcome}
        return self.metrics.get_sample_value("model_requests_total", labels) or 0.0


@asynccontextmanager
async def served(
    *scripts: Script,
    timeout_s: float = NEVER_S,
    max_retries: int = 0,
    per_minute: int = 0,
    policy: BreakerPolicy | None = None,
    clock: TurnedClock | None = None,
) -> AsyncGenerator[Served]:
    metrics = CollectorRegistry()
    turned = {} if clock is None else {"clock": clock}
    breakers = Breakers(policy=policy or BreakerPolicy(bad_calls=100), **turned)
    buckets = LocalBuckets(**turned)
    providers: list[Provider] = []
    servers: list[FakeLlm] = []
    recorded = ModelMetrics(metrics)
    async with AsyncExitStack() as running:
        for name, serving, script in zip(("one", "two", "three"), SERVERS, scripts, strict=False):
            server, model = await running.enter_async_context(serving(script))
            servers.append(server)
            providers.append(
                Provider(
                    name=name,
                    model=model,
                    breaker=breakers.of(f"model:{name}"),
                    buckets=buckets,
                    models=(f"{name}-large", f"{name}-small"),
                    per_minute=per_minute,
                    metrics=recorded,
                    **turned,
                )
            )
        registry = ModelRegistry(
            providers,
            timeout_s=timeout_s,
            max_retries=max_retries,
            check_every_s=300.0,
            **turned,
        )
        yield Served(registry, providers, servers, breakers, metrics)


async def test_the_first_provider_answers_and_no_other_is_asked() -> None:
    async with served(says("One."), says("Two.")) as all_:
        pieces = await all_.answer()
    assert text_of(pieces) == "One." and pieces[-1] == Finished("stop")
    assert all_.asked == [1, 0]


@pytest.mark.parametrize("status", [401, 404, 402, 429, 400, 500])
async def test_whatever_is_wrong_with_the_first_the_next_answers(status: int) -> None:
    async with served(in_turn(ScriptedAnswer(status=status)), says("Two.")) as all_:
        assert text_of(await all_.answer()) == "Two."
    assert all_.asked == [1, 1]


async def test_an_answer_that_has_begun_is_never_asked_for_again() -> None:
    breaks = in_turn(ScriptedAnswer(text="one two three", word_delay_s=0.02, breaks_off_after=2))
    read: list[Piece] = []
    async with served(breaks, says("Two."), max_retries=3) as all_:
        with pytest.raises(ModelRequestError):
            async for piece in all_.registry.model().answer(QUESTION):
                read.append(piece)
    assert text_of(read) == "one two"
    assert all_.asked == [1, 0]


async def test_who_is_late_is_overtaken_and_sees_that_it_is_given_up() -> None:
    silent = in_turn(ScriptedAnswer(silent=True))
    async with served(silent, says("Two."), timeout_s=AT_ONCE_S) as all_:
        assert text_of(await all_.answer()) == "Two."
        await asyncio.wait_for(all_.servers[0].disconnected.wait(), 60.0)
        assert (await all_.breakers.of("model:one").state()).bad == 1, "it was slow"
    assert all_.outcomes("one", "overtaken") == 1
    assert all_.outcomes("two", "ok") == 1


async def test_who_is_late_still_answers_where_it_is_first_or_alone() -> None:
    gate = asyncio.Event()
    late = in_turn(ScriptedAnswer(text="Late.", once=gate))
    never = in_turn(ScriptedAnswer(silent=True))
    async with served(late, never, FAILS, timeout_s=AT_ONCE_S) as all_:
        answering = asyncio.create_task(all_.answer())
        await asyncio.wait_for(all_.servers[2].received.wait(), 30.0)
        gate.set()
        assert text_of(await answering) == "Late."
        await asyncio.wait_for(all_.servers[1].disconnected.wait(), 60.0)
        assert (await all_.breakers.of("model:two").state()).calls == 0, "it was not slower"
    assert all_.asked == [1, 1, 1]


async def test_all_that_failed_are_asked_again_while_nothing_was_sent_on() -> None:
    recovers = in_turn(ScriptedAnswer(status=503), ScriptedAnswer(text="Again."))
    refuses = in_turn(ScriptedAnswer(status=401))
    async with served(recovers, refuses, max_retries=3) as all_:
        assert text_of(await all_.answer()) == "Again."
    assert all_.asked == [2, 1], "who refuses the key will refuse it again"


async def test_when_none_answers_each_is_named_and_the_first_gives_the_code() -> None:
    refuses = in_turn(ScriptedAnswer(status=401))
    async with served(in_turn(ScriptedAnswer(status=429)), refuses, max_retries=1) as all_:
        with pytest.raises(ModelRequestError) as caught:
            await all_.answer()
    assert caught.value.code == "model_busy" and caught.value.retryable
    assert all_.asked == [2, 1]


async def test_a_fault_that_lasts_is_told_at_once() -> None:
    async with served(in_turn(ScriptedAnswer(status=401)), max_retries=3) as all_:
        with pytest.raises(ModelRequestError) as caught:
            await all_.answer()
    assert caught.value.code == "model_unauthorized" and not caught.value.retryable
    assert all_.asked == [1]


async def test_beyond_its_rate_limit_the_next_is_asked_and_the_last_says_busy() -> None:
    clock = TurnedClock()
    async with served(says("One."), says("Two."), per_minute=1, clock=clock) as all_:
        assert text_of(await all_.answer()) == "One."
        assert text_of(await all_.answer()) == "Two."
        with pytest.raises(ModelRequestError) as caught:
            await all_.answer()
        assert caught.value.code == "model_busy" and "rate_limit" in str(caught.value)
        clock.turn(60.0)
        assert text_of(await all_.answer()) == "One."
    assert all_.asked == [2, 1]
    assert all_.outcomes("one", "rate_limited") == 2


async def test_who_fails_too_often_is_left_alone_until_its_breaker_lets_one_probe() -> None:
    clock = TurnedClock()
    policy = BreakerPolicy(bad_calls=2, open_s=10.0)
    async with served(FAILS, says("Two."), policy=policy, clock=clock) as all_:
        for _ in range(4):
            assert text_of(await all_.answer()) == "Two."
        assert all_.asked == [2, 4]
        all_.servers[0].script = says("One.")
        clock.turn(10.0)
        assert text_of(await all_.answer()) == "One."
        assert (await all_.breakers.states())["model:one"].state == "closed"
    assert all_.outcomes("one", "left_alone") == 2


async def test_where_every_breaker_is_open_the_error_says_so() -> None:
    async with served(FAILS, policy=BreakerPolicy(bad_calls=1), max_retries=3) as all_:
        with pytest.raises(ModelRequestError):
            await all_.answer()
        with pytest.raises(ModelRequestError, match="left alone") as caught:
            await all_.answer()
    assert caught.value.code == "model_unavailable" and caught.value.retryable
    assert all_.asked == [1]


async def test_a_barge_in_ends_the_request_at_the_server_and_counts_nowhere() -> None:
    speaks = in_turn(ScriptedAnswer(text="one two three", word_delay_s=NEVER_S))
    async with served(speaks, says("Two.")) as all_:
        answer = all_.registry.model().answer(QUESTION)
        assert await anext(answer) == Text("one")
        await answer.aclose()
        await hung_up(all_.servers[0])
        assert (await all_.breakers.of("model:one").state()).calls == 0
        assert all_.outcomes("one", "cancelled") == 1


async def test_a_barge_in_while_two_are_asked_ends_both_requests() -> None:
    silent = in_turn(ScriptedAnswer(silent=True))
    async with served(silent, silent, timeout_s=AT_ONCE_S) as all_:
        answering = asyncio.create_task(all_.answer())
        async with asyncio.timeout(60):
            await all_.servers[1].received.wait()
        answering.cancel()
        await asyncio.gather(answering, return_exceptions=True)
        assert not [t for t in asyncio.all_tasks() if t.get_name().startswith("model-")]
        for server in all_.servers:
            await hung_up(server)


async def test_who_refuses_our_key_is_asked_last_until_a_check_succeeds() -> None:
    clock = TurnedClock()
    async with served(in_turn(ScriptedAnswer(status=401)), says("Two."), clock=clock) as all_:
        await all_.answer()
        assert all_.registry.health["one"].healthy is False
        assert all_.registry.health["two"].healthy is True
        await all_.answer()
        assert all_.asked == [1, 2]
        all_.servers[0].script = says("One.")
        clock.turn(299.0)
        await all_.registry.check()
        assert all_.registry.health["one"].healthy is False, "it is not due yet"
        clock.turn(1.0)
        await all_.registry.check()
        assert text_of(await all_.answer()) == "One."
    healthy = all_.metrics.get_sample_value("model_provider_healthy", {"provider": "one"})
    assert healthy == 1


async def test_checks_go_on_by_themselves_and_find_who_has_gone() -> None:
    async with (
        served(says("One."), in_turn(ScriptedAnswer(status=500))) as all_,
        all_.registry.running(),
    ):
        while any(found.healthy is None for found in all_.registry.health.values()):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        found = {name: health.healthy for name, health in all_.registry.health.items()}
    assert found == {"one": True, "two": False}


async def test_a_variants_model_is_asked_of_who_has_it() -> None:
    async with served(says("One."), says("Two.")) as all_:
        model = all_.registry.model().variant(model="two-small", temperature=0.9)
        assert text_of([piece async for piece in model.answer(QUESTION)]) == "Two."
        (request,) = all_.servers[1].requests
        assert (request["model"], request["temperature"]) == ("two-small", 0.9)
        all_.servers[1].script = FAILS
        assert text_of([piece async for piece in model.answer(QUESTION)]) == "One."
        assert all_.servers[0].requests[0]["model"] == "fake", "its own, as it has not the other"


async def test_a_model_that_an_experiment_made_up_is_no_fault_of_the_provider() -> None:
    policy = BreakerPolicy(bad_calls=1)
    missing = in_turn(ScriptedAnswer(status=404))
    async with served(missing, says("Two."), policy=policy) as all_:
        model = all_.registry.model().variant(model="made-up")
        assert text_of([piece async for piece in model.answer(QUESTION)]) == "Two."
        assert all_.registry.health["one"].healthy is None
        assert (await all_.breakers.of("model:one").state()).state == "closed"
        await all_.answer()
        assert all_.registry.health["one"].healthy is False, "its own is missing: that is a fault"


class RememberingPace(ModelPace):
    """Tells what it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[float] = []

    def began(self, after_s: float, *, unread: int | None = None) -> None:
        self.told.append(after_s)


async def test_the_pace_is_told_and_so_are_the_metrics() -> None:
    pace = RememberingPace()
    async with served(says("One.")) as all_:
        async for _ in all_.registry.model(pace=pace).answer(QUESTION):
            pass
    assert len(pace.told) == 1
    labels = {"provider": "one"}
    assert all_.metrics.get_sample_value("model_first_piece_seconds_count", labels) == 1


async def test_two_conversations_at_once_do_not_disturb_each_other() -> None:
    async with served(says("One."), says("Two.")) as all_:
        answers = await asyncio.gather(*(all_.answer() for _ in range(20)))
    assert [text_of(pieces) for pieces in answers] == ["One."] * 20


@tool
async def order_status(number: str) -> str:
    """Where an order is."""
    return f"{number} is on its way."


async def test_a_conversation_with_a_tool_goes_on_with_the_next_provider() -> None:
    calls = ScriptedAnswer(calls=(ScriptedToolCall("order_status", {"number": "A-17"}),))
    works = in_turn(calls, ScriptedAnswer(text="It is on its way."))
    async with served(FAILS, works) as all_:
        conversation = await Conversation.open(
            KeptInMemory(),
            record(),
            Agent(tools=[order_status]),
            Resources(model=all_.registry.model(), instructions=INSTRUCTIONS),
        )
        events = await ask(conversation, "Where is A-17?")
        await conversation.aclose(deadline_s=2.0)
    assert said(events) == "It is on its way." and not error_codes(events)
    (_, second) = all_.servers[1].requests
    assert second["messages"][-1]["content"] == [
        {
            "type": "tool_result",
            "tool_use_id": second["messages"][-2]["content"][0]["id"],
            "content": "A-17 is on its way.",
        }
    ]

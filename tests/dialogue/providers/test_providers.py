"""What a conversation may rely on, whichever provider answers: one contract, three protocols."""

import asyncio
from contextlib import aclosing

import pytest

from dialogue.messages import ToolRequest
from dialogue.model import Finished, Piece, Reasoning, Text, Tokens
from dialogue.model_errors import ModelRequestError
from testkit.fake_llm import ScriptedAnswer, ScriptedToolCall, in_turn
from tests.dialogue.providers.serving import (
    KEY,
    QUESTION,
    SERVING,
    hung_up,
    pieces_of,
    text_of,
)

each_kind = pytest.mark.parametrize("kind", list(SERVING))


@each_kind
async def test_words_arrive_as_they_are_sent(kind: str) -> None:
    answer = ScriptedAnswer(text="One two three", word_delay_s=600.0)
    async with (
        SERVING[kind](in_turn(answer)) as (fake, model),
        aclosing(model.answer(QUESTION)) as pieces,
    ):
        assert await anext(pieces) == Text("One")
        assert fake.completed == 0, "the rest has not been sent yet"


@each_kind
async def test_reasoning_text_and_the_end_are_told_apart(kind: str) -> None:
    pieces = await pieces_of(kind, ScriptedAnswer(text="Yes.", reasoning="Hm."))
    assert [piece for piece in pieces if not isinstance(piece, Tokens)] == [
        Reasoning("Hm."),
        Text("Yes."),
        Finished("stop"),
    ]


@each_kind
async def test_parallel_calls_in_pieces_are_put_together(kind: str) -> None:
    calls = (
        ScriptedToolCall("order_status", {"number": "A-17"}, pieces=4),
        ScriptedToolCall("opening_hours", {}, pieces=1),
    )
    pieces = await pieces_of(kind, ScriptedAnswer(text="Let me see.", calls=calls))
    requests = [piece for piece in pieces if isinstance(piece, ToolRequest)]
    assert [(request.name, request.arguments) for request in requests] == [
        ("order_status", '{"number": "A-17"}'),
        ("opening_hours", "{}"),
    ]
    assert len({request.call_id for request in requests}) == 2
    assert pieces[-1] == Finished("tool_calls")


@each_kind
async def test_what_it_took_is_told(kind: str) -> None:
    assert Tokens(12, 3) in await pieces_of(kind, ScriptedAnswer(text="Yes.", usage=(12, 3)))


@pytest.mark.parametrize(
    ("kind", "theirs", "ours"),
    [
        ("openai", "length", "length"),
        ("anthropic", "max_tokens", "length"),
        ("anthropic", "stop_sequence", "stop"),
        ("anthropic", "refusal", "content_filter"),
        ("bedrock", "max_tokens", "length"),
        ("bedrock", "guardrail_intervened", "content_filter"),
    ],
)
async def test_why_an_answer_ended_is_told_in_one_language(
    kind: str, theirs: str, ours: str
) -> None:
    answer = ScriptedAnswer(text="Yes.", finish_reason=theirs)
    assert (await pieces_of(kind, answer))[-1] == Finished(ours)


@each_kind
@pytest.mark.parametrize(
    ("status", "code", "retryable"),
    [
        (401, "model_unauthorized", False),
        (404, "model_not_found", False),
        (402, "model_quota", False),
        (429, "model_busy", True),
        (400, "model_refused", False),
        (503, "model_unavailable", True),
        (529, "model_unavailable", True),
    ],
)
async def test_failures_are_told_apart(kind: str, status: int, code: str, retryable: bool) -> None:
    with pytest.raises(ModelRequestError) as caught:
        await pieces_of(kind, ScriptedAnswer(status=status, error={"message": f"no, {KEY} is bad"}))
    assert (caught.value.code, caught.value.retryable) == (code, retryable)
    assert "is bad" in str(caught.value)
    if kind != "openai":  # its key is another in this test
        assert KEY not in str(caught.value)


@each_kind
async def test_an_answer_that_breaks_off_is_an_error_and_no_short_answer(kind: str) -> None:
    read: list[Piece] = []
    answer = ScriptedAnswer(text="one two three", word_delay_s=0.05, breaks_off_after=2)
    with pytest.raises(ModelRequestError) as caught:
        async with SERVING[kind](in_turn(answer)) as (_, model):
            async for piece in model.answer(QUESTION):
                read.append(piece)
    assert text_of(read) == "one two"
    assert caught.value.code == "model_unreachable" and caught.value.retryable


@each_kind
async def test_the_server_sees_that_an_answer_was_closed(kind: str) -> None:
    answer = ScriptedAnswer(text="one two three four", word_delay_s=600.0)
    async with SERVING[kind](in_turn(answer)) as (fake, model):
        pieces = model.answer(QUESTION)
        assert await anext(pieces) == Text("one")
        await pieces.aclose()
        await hung_up(fake)


@each_kind
async def test_the_server_sees_that_a_silent_request_was_cancelled(kind: str) -> None:
    async with SERVING[kind](in_turn(ScriptedAnswer(silent=True))) as (fake, model):
        reading = asyncio.create_task(anext(model.answer(QUESTION)))  # type: ignore[arg-type]
        async with asyncio.timeout(60):
            await fake.received.wait()
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await hung_up(fake)


@each_kind
async def test_connections_are_kept_for_the_next_answer(kind: str) -> None:
    async with SERVING[kind](in_turn(ScriptedAnswer(text="Yes."))) as (fake, model):
        for _ in range(3):
            async for _piece in model.answer(QUESTION):
                pass
    assert fake.completed == 3 and not fake.disconnected.is_set()


@each_kind
async def test_a_variant_asks_for_another_model_at_another_temperature(kind: str) -> None:
    async with SERVING[kind](in_turn(ScriptedAnswer(text="Yes."))) as (fake, model):
        async for _ in model.variant(model="other", temperature=0.9).answer(QUESTION):
            pass
        (request,) = fake.requests
    inference = request.get("inferenceConfig", request)
    assert inference["temperature"] == 0.9
    if kind == "bedrock":
        assert "/model/other/" in fake.received_requests[0].raw_path
    else:
        assert request["model"] == "other"


@each_kind
async def test_a_check_says_whether_it_is_there(kind: str) -> None:
    async with SERVING[kind](in_turn(ScriptedAnswer(text="Yes."))) as (fake, model):
        assert await model.check()
        fake.script = in_turn(ScriptedAnswer(status=401))
        with pytest.raises(ModelRequestError) as caught:
            await model.check()
    assert caught.value.code == "model_unauthorized"

"""The model client against servers as they are: what they stream, and how they fail."""

import asyncio
import socket
from contextlib import aclosing
from dataclasses import replace

import pytest

from dialogue.messages import (
    AssistantMessage,
    SystemMessage,
    ToolMessage,
    ToolRequest,
    UserMessage,
)
from dialogue.model import (
    Finished,
    OpenAIModel,
    Piece,
    Reasoning,
    Text,
    Tokens,
    build_client,
    build_model,
)
from dialogue.model_errors import ModelRequestError
from testkit.fake_llm import FakeLlm, ScriptedAnswer, ScriptedToolCall, in_turn
from tests.dialogue.conversing import model_at, settings

WITHIN_S = 60.0
QUESTION = (SystemMessage("Be brief."), UserMessage("Hello."))


async def pieces_of(answer: ScriptedAnswer, *, at_openai: bool = False) -> list[Piece]:
    async with model_at(FakeLlm(in_turn(answer)), at_openai=at_openai) as model:
        return [piece async for piece in model.answer(QUESTION)]


def calls_in(pieces: list[Piece]) -> list[tuple[str, str]]:
    return [(piece.name, piece.arguments) for piece in pieces if isinstance(piece, ToolRequest)]


async def test_words_arrive_as_they_are_sent() -> None:
    answer = ScriptedAnswer(text="One two three", word_delay_s=600.0)
    async with (
        model_at(FakeLlm(in_turn(answer))) as model,
        aclosing(model.answer(QUESTION)) as pieces,
    ):
        assert await anext(pieces) == Text("One")


async def test_reasoning_is_kept_apart_from_what_is_spoken() -> None:
    for field in ("reasoning_content", "reasoning"):
        pieces = await pieces_of(
            ScriptedAnswer(text="Yes.", reasoning="Hm.", reasoning_field=field)
        )
        assert pieces == [Reasoning("Hm."), Text("Yes."), Finished("stop")]


async def test_parallel_calls_in_pieces_are_put_together() -> None:
    pieces = await pieces_of(
        ScriptedAnswer(
            text="Let me see.",
            calls=(
                ScriptedToolCall("order_status", {"number": "A-17"}, pieces=4),
                ScriptedToolCall("opening_hours", {"day": "monday"}, pieces=3),
            ),
        )
    )
    assert calls_in(pieces) == [
        ("order_status", '{"number": "A-17"}'),
        ("opening_hours", '{"day": "monday"}'),
    ]
    assert pieces[-1] == Finished("tool_calls")


async def test_whole_calls_that_all_have_index_0_are_told_apart() -> None:
    for call_id in ("", None):
        calls = (ScriptedToolCall("a", {"x": 1}, id=call_id), ScriptedToolCall("b", {}, id=call_id))
        pieces = await pieces_of(ScriptedAnswer(calls=calls, calls_at_index_0=True))
        assert calls_in(pieces) == [("a", '{"x": 1}'), ("b", "{}")]


async def test_a_call_without_an_id_gets_one() -> None:
    pieces = await pieces_of(
        ScriptedAnswer(calls=(ScriptedToolCall("a", {"x": 1}, pieces=3, id=None),))
    )
    (call,) = [piece for piece in pieces if isinstance(piece, ToolRequest)]
    assert call.call_id.startswith("call_") and call.arguments == '{"x": 1}'


async def test_a_call_without_arguments_has_none() -> None:
    assert calls_in(await pieces_of(ScriptedAnswer(calls=(ScriptedToolCall("a", ""),)))) == [
        ("a", "{}")
    ]


async def test_openai_is_asked_for_usage_and_told_the_limit_by_its_newer_name() -> None:
    llm = FakeLlm(in_turn(ScriptedAnswer(text="Yes.", usage=(12, 3))))
    async with model_at(llm, at_openai=True) as model:
        pieces = [piece async for piece in model.answer(QUESTION)]
        assert Tokens(12, 3) in pieces
        await anext(replace(model, at_openai=False).answer(QUESTION))
    openai, other = llm.requests
    assert openai["stream_options"] == {"include_usage": True}
    assert openai["max_completion_tokens"] == 160 and "max_tokens" not in openai
    assert other["max_tokens"] == 160
    assert "stream_options" not in other and "max_completion_tokens" not in other


async def test_calls_and_results_go_back_as_the_api_has_them() -> None:
    llm = FakeLlm()
    messages = (
        *QUESTION,
        AssistantMessage(calls=(ToolRequest("c1", "order_status", '{"number": "7"}'),)),
        ToolMessage("c1", "On its way."),
    )
    async with model_at(llm) as model:
        async for _ in model.answer(messages):
            pass
    assert llm.messages[2:] == [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "order_status", "arguments": '{"number": "7"}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "On its way."},
    ]


@pytest.mark.parametrize(
    ("answer", "code", "retryable"),
    [
        (ScriptedAnswer(status=401), "model_unauthorized", False),
        (ScriptedAnswer(status=403), "model_unauthorized", False),
        (ScriptedAnswer(status=404), "model_not_found", False),
        (ScriptedAnswer(status=402), "model_quota", False),
        (ScriptedAnswer(status=429), "model_busy", True),
        (
            ScriptedAnswer(status=429, error={"message": "pay", "code": "insufficient_quota"}),
            "model_quota",
            False,
        ),
        (ScriptedAnswer(status=400), "model_refused", False),
        (ScriptedAnswer(status=500), "model_unavailable", True),
        (ScriptedAnswer(text="one two three", breaks_off_after=2), "model_unreachable", True),
    ],
)
async def test_failures_are_told_apart(answer: ScriptedAnswer, code: str, retryable: bool) -> None:
    with pytest.raises(ModelRequestError) as caught:
        await pieces_of(answer)
    assert (caught.value.code, caught.value.retryable) == (code, retryable)


async def test_a_server_that_is_not_there_is_unreachable() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}/v1"
        async with build_client(settings(url)) as client:
            with pytest.raises(ModelRequestError) as caught:
                await anext(build_model(settings(url), client).answer(QUESTION))
    assert caught.value.code == "model_unreachable" and url in str(caught.value)


async def test_a_server_that_keeps_silent_is_given_up() -> None:
    async with model_at(FakeLlm(in_turn(ScriptedAnswer(silent=True)))) as model:
        hasty = replace(model, client=model.client.with_options(timeout=0.1))
        with pytest.raises(ModelRequestError) as caught:
            await anext(hasty.answer(QUESTION))
    assert caught.value.code == "model_timeout" and caught.value.retryable


async def test_the_server_sees_at_once_that_an_answer_was_closed() -> None:
    llm = FakeLlm(in_turn(ScriptedAnswer(text="one two three four", word_delay_s=600.0)))
    async with model_at(llm) as model:
        answer = model.answer(QUESTION)
        assert await anext(answer) == Text("one")
        await answer.aclose()
        await asyncio.wait_for(llm.disconnected.wait(), WITHIN_S)


async def test_the_server_sees_at_once_that_a_request_without_a_word_was_cancelled() -> None:
    llm = FakeLlm(in_turn(ScriptedAnswer(silent=True)))
    async with model_at(llm) as model:
        reading = asyncio.create_task(_first_of(model))
        await llm.received.wait()
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await asyncio.wait_for(llm.disconnected.wait(), WITHIN_S)


async def _first_of(model: OpenAIModel) -> Piece:
    return await anext(model.answer(QUESTION))


async def test_connections_are_kept_for_the_next_answer() -> None:
    llm = FakeLlm()
    async with model_at(llm) as model:
        for _ in range(3):
            async for _piece in model.answer(QUESTION):
                pass
    assert llm.completed == 3 and not llm.disconnected.is_set()


async def test_filling_the_prompt_cache_never_fails() -> None:
    llm = FakeLlm()
    async with model_at(llm) as model:
        await model.fill_prompt_cache(QUESTION[:1])
        assert llm.requests[0]["max_tokens"] == 1
        llm.script = in_turn(ScriptedAnswer(status=500))
        await model.fill_prompt_cache(QUESTION[:1])

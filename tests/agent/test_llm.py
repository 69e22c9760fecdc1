"""The language model's place in a call: what it is shown, and that it never leaves a silence."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from livekit.agents import APIConnectionError, APIConnectOptions, llm
from livekit.plugins import openai
from pydantic import SecretStr

from agent import llm as language_model
from agent.llm import (
    APOLOGY,
    FILLERS,
    MAX_CONVERSATION_CHARS,
    MAX_MESSAGES,
    build_client,
    build_llm,
    fill_prompt_cache,
    never_silent,
    recent,
)
from parley.settings.orchestrator import LlmSection, OrchestratorSettings
from testkit.fake_clock_loop import FakeClockLoop
from testkit.isolated_config import free_ports
from tests.agent.wire_llm import FakeLlm, llm_serving


def settings_for(url: str, **changes: object) -> OrchestratorSettings:
    section = LlmSection(base_url=url, api_key=SecretStr("key"), model="wire")
    return OrchestratorSettings(llm=section.model_copy(update=changes))


@asynccontextmanager
async def client_of(served: FakeLlm) -> AsyncGenerator[openai.LLM]:
    async with llm_serving(served) as url:
        settings = settings_for(url)
        async with build_client(settings) as client:
            yield build_llm(settings, client)


def conversation(messages: int, text: str = "so it goes") -> llm.ChatContext:
    context = llm.ChatContext.empty()
    context.add_message(role="system", content="Be kind.")
    for number in range(messages):
        role = "assistant" if number % 2 else "user"
        context.add_message(role=role, content=f"{number}: {text}")
    return context


async def answer(client: openai.LLM, *, max_retry: int = 0) -> AsyncGenerator[llm.ChatChunk]:
    options = APIConnectOptions(max_retry=max_retry, retry_interval=0.01, timeout=5)
    async with client.chat(chat_ctx=conversation(1), conn_options=options) as stream:
        async for chunk in stream:
            yield chunk


async def said(chunks: AsyncGenerator[llm.ChatChunk | str]) -> str:
    text = ""
    async for chunk in chunks:
        if isinstance(chunk, str):
            text += chunk
        elif chunk.delta is not None:
            text += chunk.delta.content or ""
    return text


async def test_the_answer_is_passed_on_as_it_is() -> None:
    async with client_of(FakeLlm(answer="Yes, gladly.")) as client:
        assert await said(never_silent(answer(client))) == "Yes, gladly."


async def test_the_request_carries_the_settings() -> None:
    served = FakeLlm()
    async with client_of(served) as client:
        await said(never_silent(answer(client)))
    request = served.requests[-1]
    assert (request["model"], request["max_tokens"], request["temperature"]) == ("wire", 160, 0.4)


@pytest.mark.parametrize("status", [401, 404, 429, 500])
async def test_a_model_that_refuses_is_apologized_for(status: int) -> None:
    async with client_of(FakeLlm(status=status)) as client:
        assert await said(never_silent(answer(client))) == APOLOGY


async def test_a_model_that_is_not_there_is_apologized_for() -> None:
    (port,) = free_ports(1)
    settings = settings_for(f"http://127.0.0.1:{port}/v1")
    async with build_client(settings) as client:
        assert await said(never_silent(answer(build_llm(settings, client)))) == APOLOGY


async def test_a_model_that_breaks_off_is_apologized_for_after_what_it_said() -> None:
    async with client_of(FakeLlm(answer="Well, I think so.", breaks_off_after=2)) as client:
        assert await said(never_silent(answer(client))) == f"Well, I {APOLOGY}"


async def test_an_empty_answer_is_apologized_for() -> None:
    async with client_of(FakeLlm(answer="")) as client:
        assert await said(never_silent(answer(client))) == APOLOGY


async def slow_answer(*pauses_s: float) -> AsyncGenerator[llm.ChatChunk]:
    for pause_s in pauses_s:
        await asyncio.sleep(pause_s)
        yield llm.ChatChunk(id="1", delta=llm.ChoiceDelta(role="assistant", content="word "))


@pytest.fixture
def turned() -> asyncio.Runner:
    return asyncio.Runner(loop_factory=FakeClockLoop)


@pytest.mark.parametrize(
    ("silent_s", "fillers"), [(2.9, 0), (3.1, 1), (7.1, 2), (13.1, 3), (60.0, 3)]
)
def test_a_silent_model_is_filled_in_for(
    turned: asyncio.Runner, silent_s: float, fillers: int
) -> None:
    with turned:
        text = turned.run(said(never_silent(slow_answer(silent_s))))
    assert text == "".join(filler for _, filler in FILLERS[:fillers]) + "word "


def test_a_model_that_has_begun_may_take_its_time(turned: asyncio.Runner) -> None:
    with turned:
        assert turned.run(said(never_silent(slow_answer(0, 10)))) == "word word "


async def test_closing_the_answer_early_closes_the_request() -> None:
    closed = asyncio.Event()

    async def endless() -> AsyncGenerator[llm.ChatChunk]:
        try:
            while True:
                yield llm.ChatChunk(id="1", delta=llm.ChoiceDelta(content="on "))
                await asyncio.sleep(0)
        finally:
            closed.set()

    chunks = never_silent(endless())
    await anext(chunks)
    await chunks.aclose()
    assert closed.is_set()


async def test_a_failure_is_not_raised() -> None:
    async def failing() -> AsyncGenerator[llm.ChatChunk]:
        raise APIConnectionError("gone")
        yield

    assert await said(never_silent(failing())) == APOLOGY


async def test_the_prompt_cache_is_filled_with_how_every_conversation_begins() -> None:
    served = FakeLlm()
    async with llm_serving(served) as url:
        settings = settings_for(url)
        async with build_client(settings) as client:
            await fill_prompt_cache(client, settings)
    assert [(m["role"], m["content"]) for m in served.messages[:2]] == [
        ("system", settings.agent.instructions),
        ("assistant", settings.agent.greeting),
    ]
    assert served.requests[-1]["max_tokens"] == 1


async def test_a_model_that_is_away_at_the_start_does_not_stop_the_call() -> None:
    (port,) = free_ports(1)
    settings = settings_for(f"http://127.0.0.1:{port}/v1")
    async with build_client(settings) as client:
        await fill_prompt_cache(client, settings)


def test_a_short_conversation_is_shown_whole() -> None:
    whole = conversation(MAX_MESSAGES)
    assert recent(whole).is_equivalent(whole)


@given(st.integers(0, 200))
def test_a_long_one_is_bounded_and_keeps_its_instructions(messages: int) -> None:
    shown = recent(conversation(messages)).items
    assert len(shown) - 1 <= MAX_MESSAGES
    assert len(shown) - 1 >= min(messages, MAX_MESSAGES - 8)
    assert shown[0].type == "message"
    assert shown[0].role == "system"
    if messages:
        assert shown[-1].type == "message"
        assert (shown[-1].raw_text_content or "").startswith(f"{messages - 1}:")


def test_old_messages_leave_in_blocks_so_that_the_prompt_stays_cached() -> None:
    def first_shown(messages: int) -> str | None:
        item = recent(conversation(messages)).items[1]
        assert item.type == "message"
        return item.raw_text_content

    beginnings = [first_shown(messages) for messages in range(21, 61)]
    changes = sum(a != b for a, b in pairwise(beginnings))
    assert changes == 4


def test_long_messages_are_bounded_by_their_characters() -> None:
    shown = recent(conversation(20, text="x" * 2000)).items[1:]
    characters = sum(len(item.raw_text_content or "") for item in shown if item.type == "message")
    assert 2000 <= characters <= MAX_CONVERSATION_CHARS


def test_the_model_does_not_see_its_fillers() -> None:
    whole = conversation(1)
    whole.add_message(role="assistant", content=f"{FILLERS[0][1]}{FILLERS[1][1]}Of course.")
    item = recent(whole).items[-1]
    assert item.type == "message"
    assert item.raw_text_content == "Of course."


@pytest.mark.parametrize(
    ("section", "url", "model"),
    [
        (LlmSection(), "http://127.0.0.1:7003/v1", "qwen2.5-0.5b-instruct"),
        (LlmSection(api_key=SecretStr("k")), "https://api.openai.com/v1", "gpt-4o-mini"),
        (LlmSection(base_url="http://x:1/v1/", model="m"), "http://x:1/v1", "m"),
    ],
)
def test_which_model_is_asked_where(section: LlmSection, url: str, model: str) -> None:
    settings = OrchestratorSettings(llm=section)
    assert language_model.base_url(settings) == url
    assert language_model.model_name(settings) == model

"""Whatever a model sends, or refuses, the person hears one true thing, and the operator is told."""

import logging
import time
from dataclasses import replace

import pytest

from dialogue.model import ModelRequestError, build_client, build_model
from dialogue.text.languages.english import PHRASES as ENGLISH
from dialogue.text.languages.german import LANGUAGE as GERMAN
from parley import Agent, tool
from parley.app.events import Error, Filler, TextDelta, ToolFinished
from parley.app.session import AgentSaid
from testkit.fake_llm import (
    FakeLlm,
    Script,
    ScriptedAnswer,
    ScriptedToolCall,
    in_turn,
    llm_serving,
    tool_results,
)
from tests.dialogue.conversing import ask, conversing, error_codes, of, said, settings


@tool
async def get_weather(city: str) -> str:
    """The weather."""
    return f"It rains in {city}."


def fillers(events: list) -> list[str]:  # type: ignore[type-arg]
    return [event.text for event in of(events, Filler)]


async def test_what_is_spoken_logged_and_remembered_is_the_answer_alone() -> None:
    written = "<think>They greet. <b>Well.</b></think>\n\nHello <you>!<|im_end|>\nUser: More"
    llm = FakeLlm(in_turn(ScriptedAnswer(pieces=list(written))))
    async with conversing(llm, Agent()) as conversation:
        assert said(await ask(conversation, "Hi.")) == "Hello <you>!"
        assert [e.text for e in of(conversation.session.log.entries, AgentSaid)] == ["Hello <you>!"]
        await ask(conversation, "Again.")
    assert llm.messages[-2] == {"role": "assistant", "content": "Hello <you>!"}


@pytest.mark.parametrize(
    "written",
    [
        '<tool_call>{"name": "get_weather", "arguments": {"city": "Rome"}}</tool_call>',
        'get_weather(city="Rome")',
        '```json\n{"name": "get_weather", "parameters": {"city": "Rome"}}\n```',
    ],
)
async def test_a_call_written_as_text_is_made(written: str) -> None:
    def script(messages: list) -> ScriptedAnswer:  # type: ignore[type-arg]
        results = tool_results(messages)
        return ScriptedAnswer(text=results[0]) if results else ScriptedAnswer(pieces=[written])

    async with conversing(FakeLlm(script), Agent(tools=[get_weather])) as conversation:
        events = await ask(conversation, "Weather?")
    assert said(events) == "It rains in Rome."
    assert [(end.name, end.outcome) for end in of(events, ToolFinished)] == [
        ("get_weather", "done")
    ]


@pytest.mark.parametrize(
    "answer",
    [
        ScriptedAnswer(calls=(ScriptedToolCall("fly"),)),
        ScriptedAnswer(calls=(ScriptedToolCall(""),)),
        ScriptedAnswer(
            text="Let me see.", calls=(ScriptedToolCall("fly"), ScriptedToolCall("walk"))
        ),
        ScriptedAnswer(pieces=['<tool_call>{"name": "fly", "arguments": {}}</tool_call>']),
    ],
)
@pytest.mark.parametrize("tools", [(), (get_weather,)])
async def test_tools_that_there_are_not_come_to_one_clear_end(
    answer: ScriptedAnswer, tools: tuple
) -> None:  # type: ignore[type-arg]
    llm = FakeLlm(in_turn(answer))
    async with conversing(llm, Agent(tools=tools)) as conversation:
        events = await ask(conversation, "Fly.")
    assert fillers(events) == [ENGLISH.no_answer] and error_codes(events) == ["model_no_answer"]
    assert len(llm.requests) == 2
    assert said(events) in ("", "Let me see.")


ROME = ScriptedToolCall("get_weather", {"city": "Rome"})
BEFORE_A_CALL = ["One moment.", "I am checking the weather. It takes a second.", "Hm, well, Rome"]


@pytest.mark.parametrize("before", BEFORE_A_CALL)
@pytest.mark.parametrize("calls", [(ROME,), (ROME, ScriptedToolCall("get_weather", {"city": "R"}))])
async def test_a_text_that_is_repeated_before_every_call_is_said_once(
    before: str, calls: tuple[ScriptedToolCall, ...]
) -> None:
    call = ScriptedAnswer(text=before, calls=calls)
    async with conversing(FakeLlm(in_turn(call)), Agent(tools=[get_weather])) as conversation:
        events = await ask(conversation, "Weather?")
    assert said(events) == before
    assert fillers(events) == [ENGLISH.no_answer] and error_codes(events) == ["model_no_answer"]


@pytest.mark.parametrize("before", BEFORE_A_CALL)
@pytest.mark.parametrize("after", [ScriptedAnswer(), ScriptedAnswer(pieces=["  ", "\n"])])
async def test_what_was_said_before_a_tool_may_be_the_whole_answer(
    before: str, after: ScriptedAnswer
) -> None:
    llm = FakeLlm(in_turn(ScriptedAnswer(text=before, calls=(ROME,)), after))
    async with conversing(llm, Agent(tools=[get_weather])) as conversation:
        events = await ask(conversation, "Look.")
    assert said(events).strip() == before and not fillers(events) and not error_codes(events)


@pytest.mark.parametrize("before", BEFORE_A_CALL)
async def test_what_is_said_before_a_tool_and_after_it_is_one_answer(before: str) -> None:
    told = ScriptedAnswer(text="It rains in Rome.")
    llm = FakeLlm(in_turn(ScriptedAnswer(text=before, calls=(ROME,)), told))
    async with conversing(llm, Agent(tools=[get_weather])) as conversation:
        events = await ask(conversation, "Weather?")
    assert said(events).split() == f"{before} It rains in Rome.".split()
    assert not fillers(events) and not error_codes(events)


@pytest.mark.parametrize(
    "pieces",
    [
        [" "],
        ["\n", "\n\n"],
        ["..."],
        ["…"],
        ["**", "**"],
        ["😀"],
        ["👍", "🏽 ❤️"],
        ["<br/>"],
        ["---"],
    ],
)
async def test_nothing_that_can_be_said_is_apologized_for_and_told(pieces: list[str]) -> None:
    for agent, phrases in ((Agent(), ENGLISH), (Agent(language="de"), GERMAN.phrases)):
        async with conversing(
            FakeLlm(in_turn(ScriptedAnswer(pieces=pieces))), agent
        ) as conversation:
            events = await ask(conversation, "Well?")
        assert fillers(events) == [phrases.no_answer]
        assert error_codes(events) == ["model_no_answer"]


LONG = "I know it. " * 30


@pytest.mark.parametrize(
    "rest",
    ["And then the Prime Minis", "The", "It is 3.5 mi", "Dr. Who said that", "1. Fl", "No. 7"],
)
async def test_an_answer_that_is_cut_off_ends_with_its_last_whole_sentence(rest: str) -> None:
    cut = ScriptedAnswer(text=f"{LONG}{rest}", finish_reason="length")
    async with conversing(FakeLlm(in_turn(cut)), Agent()) as conversation:
        events = await ask(conversation, "Tell me.")
        assert said(events).strip() == LONG.strip() and not fillers(events)
        (error,) = of(events, Error)
        assert (error.code, error.retryable) == ("model_limit", False)
        assert error_codes(await ask(conversation, "More.")) == []


@pytest.mark.parametrize("text", ["The capital of Fra", "Yes", "On 3.5 acres of land, Mr. Smi"])
async def test_one_that_is_cut_off_in_its_first_sentence_is_ended_aloud(text: str) -> None:
    cut = ScriptedAnswer(text=text, finish_reason="length")
    async with conversing(FakeLlm(in_turn(cut)), Agent()) as conversation:
        events = await ask(conversation, "Tell me.")
    assert said(events) == text and fillers(events) == [ENGLISH.cut_short]


@pytest.mark.parametrize(
    "answer",
    [
        ScriptedAnswer(pieces=["<think>Let me", " think"], finish_reason="length"),
        ScriptedAnswer(reasoning="Let me think", finish_reason="length"),
        ScriptedAnswer(pieces=["<|channel|>analysis<|message|>We"], finish_reason="length"),
    ],
)
async def test_reasoning_that_uses_up_the_answer_is_told_as_that(
    answer: ScriptedAnswer, caplog: pytest.LogCaptureFixture
) -> None:
    async with conversing(FakeLlm(in_turn(answer)), Agent()) as conversation:
        events = await ask(conversation, "Tell me.")
    assert said(events) == "" and fillers(events) == [ENGLISH.no_answer]
    assert error_codes(events) == ["model_limit"]
    assert "by its reasoning" in caplog.text and "max_tokens" in caplog.text


@pytest.mark.parametrize("text", ["Yes.", "No", "It is noon. Anything else?"])
async def test_an_end_without_a_reason_is_taken_and_noted(
    caplog: pytest.LogCaptureFixture, text: str
) -> None:
    caplog.set_level(logging.DEBUG, logger="dialogue.model")
    llm = FakeLlm(in_turn(ScriptedAnswer(text=text, finish_reason="")))
    async with conversing(llm, Agent()) as conversation:
        assert said(await ask(conversation, "Really?")) == text
    assert "without saying why" in caplog.text


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (ScriptedAnswer(status=401), "model_unauthorized"),
        (ScriptedAnswer(status=403), "model_unauthorized"),
        (ScriptedAnswer(status=402), "model_quota"),
        (ScriptedAnswer(status=404), "model_not_found"),
        (
            ScriptedAnswer(status=400, error={"message": "fake is not a valid model ID"}),
            "model_not_found",
        ),
    ],
)
async def test_a_fault_that_lasts_is_said_once_as_what_it_is(
    answer: ScriptedAnswer, code: str
) -> None:
    llm = FakeLlm(in_turn(answer))
    async with conversing(llm, Agent()) as conversation:
        first, second, third = [await ask(conversation, "Hello?") for _ in range(3)]
        llm.always("Hello.")
        assert said(await ask(conversation, "Now?")) == "Hello."
    assert fillers(first) == [ENGLISH.model_unconfigured]
    assert fillers(second) == fillers(third) == [ENGLISH.model_still_unconfigured]
    for events in (first, second, third):
        (error,) = of(events, Error)
        assert (error.code, error.retryable) == (code, False)
        assert "127.0.0.1" not in error.message and error.message != "no"


@pytest.mark.parametrize("status", [401, 404, 429, 500])
async def test_a_key_that_a_server_repeats_is_in_no_log(
    status: int, caplog: pytest.LogCaptureFixture
) -> None:
    echoed = ScriptedAnswer(
        status=status, error={"message": "Incorrect API key: sk-Very-Secret-1."}
    )
    async with llm_serving(FakeLlm(in_turn(echoed))) as url:
        own = settings(url)
        secret = type(own.llm.api_key)("sk-Very-Secret-1")
        own = own.model_copy(update={"llm": own.llm.model_copy(update={"api_key": secret})})
        async with build_client(own) as client:
            model = build_model(own, client)
            with pytest.raises(ModelRequestError) as caught:
                await anext(model.answer(()))
            await model.fill_prompt_cache(())
    assert "Secret" not in str(caught.value) + caplog.text
    assert "(the key)" in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("offered", "used"),
    [(("llama3",), "llama3"), ((), None), (("a", "b"), None), (tuple("abcdefgh"), None)],
)
async def test_without_a_name_the_only_model_is_taken(
    offered: tuple[str, ...], used: str | None
) -> None:
    llm = FakeLlm(models=offered)
    async with llm_serving(llm) as url:
        own = settings(url)
        own = own.model_copy(update={"llm": own.llm.model_copy(update={"model": ""})})
        async with build_client(own) as client:
            model = build_model(own, client)
            if used is None:
                with pytest.raises(ModelRequestError, match="set LLM_MODEL") as caught:
                    await model.check()
                assert caught.value.code == "model_not_found" and not llm.requests
                return
            assert await model.check() == used
            assert [p async for p in model.answer(())] and [p async for p in model.answer(())]
            assert await replace(model, name="own").check() == "own"
    assert [request["model"] for request in llm.requests] == [used, used, used, "own"]


async def test_three_failures_in_a_row_leave_nothing_to_parrot() -> None:
    llm = FakeLlm(in_turn(ScriptedAnswer(status=500)))
    async with conversing(llm, Agent()) as conversation:
        for _ in range(2):
            await ask(conversation, "What is the time?")
        llm.script = in_turn(ScriptedAnswer(text="It is ten past nine", breaks_off_after=3))
        assert said(await ask(conversation, "What is the time?")) == "It is ten"
        llm.script = in_turn(ScriptedAnswer(pieces=["..."]))
        await ask(conversation, "What is the time?")
        llm.always("Nine.")
        await ask(conversation, "And now?")
    shown = " ".join(str(message["content"]) for message in llm.messages)
    for phrase in (ENGLISH.apology, ENGLISH.no_answer, *(text for _, text in ENGLISH.slow_model)):
        assert phrase not in shown
    assert "..." not in shown


async def test_the_first_word_is_passed_on_at_once() -> None:
    script: Script = in_turn(ScriptedAnswer(text="Sure, that is so.", word_delay_s=0.2))
    async with conversing(FakeLlm(script), Agent()) as conversation:
        turn = conversation.turn("Well?", waiting_since_s=time.monotonic())
        came = [(time.monotonic(), e) async for e in turn.events() if isinstance(e, TextDelta)]
    assert [event.text for _, event in came] == ["Sure,", " that", " is", " so."]
    assert came[1][0] - came[0][0] > 0.1

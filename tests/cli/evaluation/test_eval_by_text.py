"""`./run eval` by text: a model on a socket is told what to answer."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from testkit.commands import Commands
from testkit.fake_llm import (
    FakeLlm,
    Messages,
    ScriptedAnswer,
    ScriptedToolCall,
    by_text,
    llm_serving,
)

APP = '''
from parley import Agent, hang_up, tool

@tool
def order_status(number: str) -> str:
    """Where an order is."""
    return f"Order {number} has shipped."

agent = Agent(instructions="You are the desk.", tools=[order_status, hang_up])
'''
TEN_LINES = """
app: desk.py
conversations:
  - name: order
    turns:
      - say: Where is order 42?
        tools: [{name: order_status, arguments: {number: "42"}}]
        said: {words: [shipped], not: [sorry], judge: tells that it is on its way}
        within_s: 20
"""


@pytest.fixture
async def llm() -> FakeLlm:
    return FakeLlm(
        script=by_text(
            {
                "order": ScriptedAnswer(calls=[ScriptedToolCall("order_status", {"number": "42"})]),
                "story": ScriptedAnswer(text="word " * 400, word_delay_s=0.05),
                "stop": ScriptedAnswer(text="I stopped."),
                "bye": ScriptedAnswer(calls=[ScriptedToolCall("hang_up")]),
            }
        )
    )


@pytest.fixture
async def run(tmp_path: Path, llm: FakeLlm) -> AsyncIterator[Commands]:
    (tmp_path / "desk.py").write_text(APP, encoding="utf-8")
    async with llm_serving(llm) as url:
        yield Commands(folder=tmp_path, llm_url=url)


async def report(run: Commands, text: str, status: int) -> dict[str, Any]:
    (run.folder / "eval.yaml").write_text(text, encoding="utf-8")
    done = await run("eval", "eval.yaml", "--json")
    assert done.status == status, done.out + done.err
    document: dict[str, Any] = json.loads(done.out)
    return document


def checks(document: dict[str, Any], turn: int = 0) -> dict[str, str]:
    found = document["conversations"][0]["turns"][turn]["checks"]
    return {check["name"]: check["status"] for check in found}


async def test_ten_lines_test_an_agent(run: Commands) -> None:
    document = await report(run, TEN_LINES, 0)
    assert document["ok"]
    assert document["mode"] == "text"
    assert checks(document) == {
        'tool order_status(number="42")': "passed",
        "says 'shipped'": "passed",
        "does not say 'sorry'": "passed",
        "within 20 s": "passed",
        "judged: tells that it is on its way": "skipped",
    }
    assert document["conversations"][0]["turns"][0]["tools"] == [
        {"name": "order_status", "arguments": {"number": "42"}, "outcome": "done"}
    ]


async def test_what_fails_is_shown_and_is_the_exit_status(run: Commands) -> None:
    text = TEN_LINES.replace("[shipped]", "[lost]")
    (run.folder / "eval.yaml").write_text(text, encoding="utf-8")
    done = await run("eval", "eval.yaml")
    assert done.status == 1
    assert "✗ says 'lost'" in done.out
    assert "3 passed, 1 failed, 1 skipped" in done.out


@pytest.mark.parametrize(
    ("reply", "status"), [("Yes.", "passed"), ("no", "failed"), ("Perhaps", "failed")]
)
async def test_a_judging_model_says_yes_or_no(
    run: Commands, llm: FakeLlm, reply: str, status: str
) -> None:
    agents = llm.script

    def script(messages: Messages) -> ScriptedAnswer:
        judges = "You check what a voice agent has said" in str(messages[0]["content"])
        return ScriptedAnswer(text=reply) if judges else agents(messages)

    llm.script = script
    judging = Commands(folder=run.folder, llm_url=run.llm_url, environment={"JUDGE_MODEL": "judge"})
    document = await report(judging, TEN_LINES, 0 if status == "passed" else 1)
    assert checks(document)["judged: tells that it is on its way"] == status
    assert [request["model"] for request in llm.requests] == ["fake", "fake", "judge"]


async def test_an_interruption_is_given_way_to_and_answered(run: Commands, llm: FakeLlm) -> None:
    document = await report(
        run,
        """
app: desk.py
conversations:
  - turns:
      - say: Tell me a story.
        interrupt: {after_s: 0.3, say: Stop., said: {words: stopped}, tools: none}
""",
        0,
    )
    assert checks(document) == {"gives way": "passed"}
    assert checks(document, 1) == {"says 'stopped'": "passed", "no tool": "passed"}
    heard = [m["content"] for m in llm.messages if m["role"] == "assistant"][-1]
    assert 1 <= str(heard).count("word") < 100


async def test_an_answer_that_was_over_is_no_interruption(run: Commands) -> None:
    document = await report(
        run,
        "app: desk.py\nconversations:\n- turns:\n  - say: Hello.\n"
        "    interrupt: {after_s: 1, say: Stop.}\n",
        0,
    )
    assert checks(document) == {"gives way": "skipped"}


async def test_an_agent_that_hangs_up_early_breaks_the_conversation_off(run: Commands) -> None:
    document = await report(
        run, "app: desk.py\nconversations:\n- turns: [{say: Bye.}, {say: Hello}]\n", 1
    )
    assert "hung up" in document["conversations"][0]["error"]


async def test_a_model_that_fails_is_a_failed_check(run: Commands, llm: FakeLlm) -> None:
    llm.script = lambda messages: ScriptedAnswer(status=401)
    document = await report(run, "app: desk.py\nconversations: [{turns: [{say: Hi}]}]\n", 1)
    assert checks(document) == {"answer": "failed"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("conversations: 5\n", "eval.yaml:1: conversations: "),
        ("app: gone.py\nconversations: [{turns: [{say: Hi}]}]\n", "gone.py: there is no such file"),
    ],
)
async def test_a_bad_file_and_a_bad_app_are_status_2(run: Commands, text: str, said: str) -> None:
    (run.folder / "eval.yaml").write_text(text, encoding="utf-8")
    done = await run("eval", "eval.yaml", "--json")
    assert (done.status, done.out) == (2, "")
    assert said in done.err

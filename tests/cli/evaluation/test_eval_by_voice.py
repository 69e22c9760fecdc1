"""`./run eval --voice`: a synthetic caller in a real room, and a model that is told what to say."""

import asyncio
import json
from pathlib import Path

import pytest

from ops.supervisor.stack import Stack
from testkit.commands import Commands
from testkit.fake_llm import FakeLlm, ScriptedAnswer, ScriptedToolCall, by_text, llm_serving
from testkit.isolated_config import write_config

pytestmark = [pytest.mark.servers, pytest.mark.e2e]

WITHIN_S = 280
APP = '''
from parley import Agent, tool

@tool
def order_status(number: str) -> str:
    """Where an order is."""
    return "The order has shipped this morning."

agent = Agent(instructions="You are the desk.", greeting="", tools=[order_status])
'''
EVAL = """
app: desk.py
conversations:
  - name: order
    turns:
      - say: Can you tell me where my order is?
        tools: [{name: order_status, arguments: {number: "42"}}]
        said: {words: [shipped]}
        within_s: 5
  - name: interrupted
    turns:
      - say: Please tell me a long story.
        interrupt: {after_s: 2, say: "Stop, please, that is enough.", said: {words: [quiet]}}
"""
STORY = "The old man walked along the river and looked at the boats. " * 8


@pytest.mark.timeout(WITHIN_S)
async def test_a_caller_speaks_and_judges_what_it_hears(tmp_path: Path) -> None:
    (tmp_path / "desk.py").write_text(APP, encoding="utf-8")
    (tmp_path / "eval.yaml").write_text(EVAL, encoding="utf-8")
    llm = FakeLlm(
        script=by_text(
            {
                "order": ScriptedAnswer(calls=[ScriptedToolCall("order_status", {"number": "42"})]),
                "story": ScriptedAnswer(text=STORY),
                "enough": ScriptedAnswer(text="I am quiet now."),
                "stop": ScriptedAnswer(text="I am quiet now."),
            }
        )
    )
    async with llm_serving(llm) as url:
        configs = write_config(
            tmp_path / "configs",
            orchestrator={
                "llm": {"base_url": url, "api_key": "k", "model": "fake"},
                "agent": {"app": str(tmp_path / "desk.py")},
            },
        )
        stack = Stack(
            configs, tmp_path / "state", parts=("livekit", "tts", "asr", "agent", "gateway")
        )
        await asyncio.to_thread(stack.start)
        try:
            done = await Commands(folder=tmp_path)(
                "eval", "eval.yaml", "--voice", "--json", within_s=150
            )
        finally:
            await asyncio.to_thread(stack.stop)
    assert done.out, done.err
    document = json.loads(done.out)
    order, interrupted = document["conversations"]
    assert done.status == 0, json.dumps(document, indent=1) + done.err
    assert order["turns"][0]["tools"] == [
        {"name": "order_status", "arguments": {"number": "42"}, "outcome": "done"}
    ]
    assert [check["status"] for check in order["turns"][0]["checks"]] == ["passed"] * 3
    story, stopped = interrupted["turns"]
    assert story["checks"][0]["name"] == "gives way"
    assert story["checks"][0]["status"] == "passed"
    assert "quiet" in stopped["said"]

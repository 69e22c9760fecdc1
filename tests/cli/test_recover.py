"""`./run recover`: a turn whose process was killed is gone on with by a command."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from parley import paths
from testkit.fake_llm import FakeLlm, Messages, ScriptedAnswer, ScriptedToolCall
from testkit.orchestrators import OrchestratorProcess, connected
from testkit.threaded_llm import ThreadedLlm

pytestmark = pytest.mark.servers

APP = '''
import os, signal
from pathlib import Path
from parley import Agent, tool

ORDERS = Path(__file__).with_name("orders.txt")


@tool
async def look(what: str) -> str:
    """Looks something up."""
    with ORDERS.open("a") as orders:
        orders.write(f"{what}\\n")
    return f"{what} is there"


@tool
async def fail() -> str:
    """Loses power, the first time."""
    if not (mark := ORDERS.with_name("failed")).exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "failed"


agent = Agent(instructions="You are a shop.", tools=[look, fail], greeting="")
'''


def script(messages: Messages) -> ScriptedAnswer:
    results = [m for m in messages if m["role"] == "tool"]
    if len(results) == 2:
        return ScriptedAnswer(text=f"Found: {results[0]['content']}. Then: {results[1]['content']}")
    if results:
        return ScriptedAnswer(calls=(ScriptedToolCall("fail"),))
    return ScriptedAnswer(calls=(ScriptedToolCall("look", {"what": "bell"}),))


@pytest.fixture
def lost(tmp_path: Path) -> Iterator[OrchestratorProcess]:
    (tmp_path / "shop_app.py").write_text(APP)
    with ThreadedLlm(FakeLlm(script)) as model:
        process = OrchestratorProcess(
            tmp_path / "a",
            {
                "llm": {"base_url": model.url, "api_key": "k", "model": "fake"},
                "orchestration": {"app": str(tmp_path / "shop_app.py"), "tts_provider": "none"},
                "turn": {"commit_silence_s": 0.05},
                "checkpoints": {"lease_s": 0.2},
                "models": {"timeout_ms": 20_000},
                "intents": {"file": ""},
            },
        )
        process.start()
        yield process
        process.stop()


def recover(process: OrchestratorProcess, pipeline_id: str) -> subprocess.CompletedProcess[str]:
    folder = process.config.parent
    own = {"PARLEY_CONFIG_DIR": str(folder), "PARLEY_STATE_DIR": str(folder / "state")}
    command = ["-m", "cli.main", "recover", pipeline_id, "--json", "--config", str(process.config)]
    return subprocess.run(
        [sys.executable, *command],
        cwd=paths.repository(), env={**os.environ, **own}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


async def test_a_lost_turn_is_gone_on_with_and_told(
    lost: OrchestratorProcess, tmp_path: Path
) -> None:
    async with connected(lost.url, "s1") as client:
        await client.say("Find me a bell.")
        with pytest.raises(ConnectionClosed):
            await client.until("response")
    done = recover(lost, "s1.1")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)["response"]
    assert answer.startswith("Found: bell is there.")
    assert "not known whether it did its work" in answer
    assert (tmp_path / "orders.txt").read_text() == "bell\n", "nothing was done twice"
    again = recover(lost, "s1.1")
    assert json.loads(again.stdout)["response"] == answer
    unknown = recover(lost, "s1.99")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "no pipeline 's1.99'" in unknown.stderr

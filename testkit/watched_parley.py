"""A real Parley that a real Prometheus asks, with lines between its parts that can be slowed."""

import json
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from caller.access import request_access
from caller.client import RoomClient, join
from caller.errors import CallError
from ops.supervisor.parts import PART_NAMES
from ops.supervisor.stack import Stack
from parley.audio import Audio
from parley.discovery import StaticDiscovery
from parley.room_events import InterruptedEvent, ToolEvent, TurnEvent
from parley.speech import AudioChunk, SpeechPool, SynthesisRequest
from testkit.fake_llm import (
    FakeLlm,
    Messages,
    ScriptedAnswer,
    ScriptedToolCall,
    llm_serving,
    tool_results,
)
from testkit.isolated_config import HOST, free_ports, write_config
from testkit.prometheus_server import Prometheus, prometheus_asking
from testkit.slow_line import SlowLine, slow_line

LONG_S = 60.0
LISTENING = "listening"
INTO_GREETING_S = 1.5
APP = '''
import asyncio
from pathlib import Path

from parley import Agent, tool


@tool
async def order_status(number: str) -> str:
    """Where an order is. number: as printed on the receipt."""
    await asyncio.sleep(float(Path("{DELAY}").read_text()))
    return "shipped this morning"


agent = Agent(
    instructions="You are the desk of a bicycle shop.",
    tools=[order_status],
    greeting="Welcome to the bicycle shop, where we have sold and mended bicycles of every kind "
    "for more than forty years, in the little house behind the old railway station. We have city "
    "bicycles, cargo bicycles, and bicycles for children. On Mondays we are closed, on Tuesdays "
    "we open at nine, and on all other days at ten. If you bring your bicycle in the morning, it "
    "is mended by the evening, unless we have to order a part. Now tell me what I can do for you.",
)
'''
JOBS = ("agent", "tts", "asr", "gateway")


def desk(messages: Messages) -> ScriptedAnswer:
    """Looks an order up, whatever is said."""
    if results := tool_results(messages):
        return ScriptedAnswer(text=f"Your order was {results[-1]}.")
    return ScriptedAnswer(calls=[ScriptedToolCall("order_status", {"number": "42"})])


@dataclass(frozen=True)
class Watched:
    """A running one; made by `watched_parley`."""

    stack: Stack
    prometheus: Prometheus
    ports: dict[str, int]
    """Where each job has its metrics."""
    llm_port: int
    tts_line: SlowLine
    asr_line: SlowLine
    tool_delay: Path

    @asynccontextmanager
    async def call(self, model: FakeLlm) -> AsyncGenerator[RoomClient]:
        gateway = f"http://{HOST}:{self.stack.configuration.orchestrator.server.port}"
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(llm_serving(model, port=self.llm_port))
            client = await stack.enter_async_context(join(await request_access(gateway)))
            await client.wait_for_agent()
            yield client

    def page(self, job: str, path: str = "/metrics") -> str:
        return httpx.get(f"http://{HOST}:{self.ports[job]}{path}", timeout=10).text

    def summary(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.page("agent", "/metrics/summary"))["metrics"]
        return found

    def samples(self, job: str) -> dict[str, float]:
        lines = (line.rpartition(" ") for line in self.page(job).splitlines() if line[0] != "#")
        return {name: float(value) for name, _, value in lines}


@contextmanager
def watched_parley(folder: Path) -> Iterator[Watched]:
    """All parts but the language model, which each call brings; asked every second."""
    llm_port, tts_port, asr_port = free_ports(3)
    delay = folder / "tool-delay"
    delay.write_text("0")
    (folder / "desk.py").write_text(APP.replace("{DELAY}", str(delay)))
    configuration = write_config(
        folder / "configs",
        orchestrator={
            "agent": {"app": str(folder / "desk.py")},
            "llm": {"base_url": f"http://{HOST}:{llm_port}/v1", "api_key": "k", "model": "f"},
            "tts": {"worker_address": f"{HOST}:{tts_port}"},
            "asr": {"worker_address": f"{HOST}:{asr_port}"},
        },
    )
    parts = [part for part in PART_NAMES if part != "llm"]
    stack = Stack(configuration, folder / "state", parts=parts)
    server, worker = stack.configuration.orchestrator.server, stack.configuration.worker
    ports = {
        "agent": server.health_check_port,
        "tts": worker.tts.metrics_port,
        "asr": worker.asr.metrics_port,
        "gateway": server.gateway_health_port,
    }
    with (
        slow_line(f"{HOST}:{worker.tts.port}", port=tts_port) as tts_line,
        slow_line(f"{HOST}:{worker.asr.port}", port=asr_port) as asr_line,
        stack,
        prometheus_asking(
            folder, {job: [f"{HOST}:{port}"] for job, port in ports.items()}
        ) as asked,
    ):
        yield Watched(stack, asked, ports, llm_port, tts_line, asr_line, delay)


def told(client: RoomClient, kind: type[Any]) -> list[Any]:
    return [heard.event for heard in client.events if isinstance(heard.event, kind)]


async def clip(watched: Watched, text: str) -> Audio:
    """The text in the worker's own voice, as a recording."""
    settings = watched.stack.configuration.orchestrator.tts
    request = SynthesisRequest(voice=settings.default_model, sample_rate_hz=16_000)

    async def texts() -> AsyncGenerator[str]:
        yield text

    pcm = b""
    async with SpeechPool(StaticDiscovery(settings.worker_address)) as pool:
        async for event in pool.synthesize(request, texts()):
            if isinstance(event, AudioChunk):
                pcm += event.samples.tobytes()
    return Audio(np.frombuffer(pcm, np.int16), 16_000)


async def answered(client: RoomClient, clip: Audio, *, tools: int) -> None:
    """Says it, and waits until the agent has looked the order up, answered, and is silent."""
    turns = len(told(client, TurnEvent))
    await client.speak(clip)
    for condition in (
        lambda: len(told(client, ToolEvent)) >= tools,
        lambda: len(told(client, TurnEvent)) > turns,
        lambda: client.agent_state == LISTENING,
    ):
        if not await client.reached(condition, timeout_s=LONG_S):
            raise CallError("the agent has not looked up the order and answered")


async def interrupted(client: RoomClient, clip: Audio) -> None:
    """Speaks over the greeting, and waits until the agent has given way and answered."""
    if not await client.reached(lambda: not client.ear.quiet_since(0), timeout_s=LONG_S):
        raise CallError("the greeting was not heard")
    begun_s = client.clock()
    await client.reached(lambda: client.clock() >= begun_s + INTO_GREETING_S, timeout_s=LONG_S)
    await answered(client, clip, tools=1)
    if not told(client, InterruptedEvent):
        raise CallError("the greeting was not interrupted")

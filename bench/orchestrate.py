"""`./run bench orchestrate`: how many conversations one process holds, and where their time goes.

The orchestrator is a process of its own, as operators run it; beside it is a model that answers at
once, and an intent and a retrieval service of 80 ms each, all on this machine. Sessions hold a
conversation as people do: an utterance, an answer that is listened to, a pause.
"""

import asyncio
import json
import random
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil
import websockets
from rich.console import Console
from rich.table import Table

from bench.arguments import positive
from bench.machine import ForeignLoad, Machine
from bench.orchestrate_services import DELAY_S, services_serving
from bench.percentiles import distribution
from bench.promise import Promise, print_promises
from parley.arguments import CommandParser
from testkit.fake_llm import FakeLlm, ScriptedAnswer, in_turn, llm_serving
from testkit.orchestrators import OrchestratorClient, OrchestratorProcess, connected

STAGES = {
    "stt_ms": (50, "speech end to orchestrator"),
    "intent_ms": (80, "intent"),
    "rag_ms": (80, "retrieval"),
    "parallel_ms": (80, "both, side by side"),
    "llm_ms": (100, "model, whole answer"),
    "total_ms": (465, "end to end, without a voice"),
}
"""Of the response's breakdown, with the target of each."""
PERCENTILES = {"p50": 50.0, "p95": 95.0, "p99": 99.0}
SIDE_BY_SIDE_MS = 110.0
MOST_ERRORS = 0.001
ANSWER = "That is a good question, and the answer to it is yes."


@dataclass
class OrchestrateFigures:
    """Of one number of sessions. Times in milliseconds, memory in KiB."""

    sessions: int
    turns: int = 0
    errors: int = 0
    took_s: float = 0.0
    cpu_cores: float = 0.0
    memory_per_session_kib: float = 0.0
    stages: dict[str, list[float]] = field(default_factory=dict)
    left_out: int = 0

    def document(self) -> dict[str, Any]:
        whole = asdict(self) | {
            "stages": {name: distribution(took, PERCENTILES) for name, took in self.stages.items()}
        }
        return whole | {"error_rate": self.error_rate}

    @property
    def error_rate(self) -> float:
        return self.errors / max(1, self.turns + self.errors)

    def p95(self, stage: str) -> float | None:
        found = distribution(self.stages.get(stage, []), PERCENTILES)["p95"]
        return float(found) if found is not None else None


async def converse(
    client: OrchestratorClient, figures: OrchestrateFigures, turns: int, pause_s: float, seed: int
) -> None:
    """One session: `turns` utterances, with what is heard and thought between them."""
    chance = random.Random(seed)  # noqa: S311 - spreads load, keeps no secret
    await client.until("connected")
    for number in range(turns):
        await asyncio.sleep(chance.uniform(0.5, 1.5) * pause_s)
        words = f"question {number} of a person"
        await client.send("stt_fragment", text=words[:8], is_final=False)
        await client.send("stt_fragment", text=words, is_final=True, timestamp=time.time())
        asked_s = time.monotonic()
        await client.send("vad_end", confidence=0.9)
        response = await client.until("response")
        figures.stages.setdefault("client_ms", []).append((time.monotonic() - asked_s) * 1000)
        for stage in STAGES:
            figures.stages.setdefault(stage, []).append(response["latency_breakdown"][stage])
        figures.turns += 1
        client.frames.clear()
        await client.send("tts_complete")


async def measure(
    process: OrchestratorProcess, sessions: int, turns: int, pause_s: float
) -> OrchestrateFigures:
    figures = OrchestrateFigures(sessions)
    server = psutil.Process(process.pid)
    before_kib = server.memory_info().rss / 1024
    began_s, began_cpu = time.monotonic(), sum(server.cpu_times()[:2])

    async def session(number: int) -> None:
        await asyncio.sleep(number * pause_s / sessions)
        try:
            async with connected(process.url, f"bench-{sessions}-{number}") as client:
                await converse(client, figures, turns, pause_s, number)
        except (OSError, TimeoutError, websockets.WebSocketException):
            figures.errors += 1

    async def peak() -> None:
        while True:
            grown = server.memory_info().rss / 1024 - before_kib
            most = figures.memory_per_session_kib
            figures.memory_per_session_kib = max(most, round(grown / sessions, 1))
            await asyncio.sleep(0.5)

    watching = asyncio.create_task(peak())
    await asyncio.gather(*(session(number) for number in range(sessions)))
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
    figures.took_s = round(time.monotonic() - began_s, 1)
    used = sum(server.cpu_times()[:2]) - began_cpu
    figures.cpu_cores = round(used / figures.took_s, 2)
    return figures


async def run(counts: Sequence[int], turns: int, pause_s: float) -> list[OrchestrateFigures]:
    llm = FakeLlm(script=in_turn(ScriptedAnswer(pieces=[ANSWER])))
    found = []
    async with AsyncExitStack() as opened:
        llm_url = await opened.enter_async_context(llm_serving(llm))
        service_url = await opened.enter_async_context(services_serving())
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        settings = {
            "llm": {"base_url": llm_url, "api_key": "k", "model": "fake"},
            "orchestration": {"tts_provider": "none", "max_concurrent_sessions": 5000},
            "intents": {"file": "", "url": service_url, "timeout_ms": 500},
            "retrieval": {"url": service_url, "timeout_ms": 500},
            "models": {"timeout_ms": 10_000},
            "telemetry": {"log_level": "WARNING"},
        }
        process = OrchestratorProcess(folder / "orchestrator", settings)
        await asyncio.to_thread(process.start)
        try:
            await measure(process, 5, 2, 0.2)  # what is loaded and connected at first use
            for sessions in counts:
                llm.requests.clear()
                found.append(await measure(process, sessions, turns, pause_s))
        finally:
            process.stop()
    return found


def promises(found: Sequence[OrchestrateFigures]) -> list[Promise]:
    alone, most = found[0], found[-1]
    return [
        Promise(
            "intent_and_retrieval_side_by_side_p95_ms", SIDE_BY_SIDE_MS, alone.p95("parallel_ms")
        ),
        Promise(f"error_rate_of_{most.sessions}_sessions", MOST_ERRORS, most.error_rate),
    ]


def main(arguments: list[str]) -> int:
    """0 where the promises are kept."""
    options = _parser().parse_args(arguments)
    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    with ForeignLoad() as foreign:
        found = asyncio.run(run(options.sessions, options.turns, options.pause_s))
    kept = promises(found)
    if options.json:
        document = {
            "machine": asdict(Machine.this()),
            "foreign_percent": foreign.percent,
            "services_delay_ms": DELAY_S * 1000,
            "turns": options.turns,
            "pause_s": options.pause_s,
            "runs": [figures.document() for figures in found],
            "promises": [promise.document() for promise in kept],
        }
        print(json.dumps(document))
    else:
        _print(found, kept)
    return 0 if all(promise.kept for promise in kept) else 1


def _print(found: Sequence[OrchestrateFigures], kept: Sequence[Promise]) -> None:
    console = Console()
    for figures in found:
        table = Table(
            title=f"{figures.sessions} sessions: {figures.turns} turns in {figures.took_s} s, "
            f"{figures.errors} errors, {figures.cpu_cores} cores, "
            f"{figures.memory_per_session_kib} KiB a session"
        )
        for heading in ("stage", "p50", "p95", "p99", "target"):
            table.add_column(heading, justify="left" if heading == "stage" else "right")
        for stage, took in figures.stages.items():
            target, name = STAGES.get(stage, ("", "as the client has it"))
            row = distribution(took, PERCENTILES)
            table.add_row(name, *(str(row[name]) for name in PERCENTILES), str(target))
        console.print(table)
    print_promises(console, kept)


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="./run bench orchestrate",
        description="Holds so many conversations at once with one orchestrator process, beside a "
        "model that answers at once and services of 80 ms. Needs nothing but this machine.",
    )
    parser.add_argument("--sessions", type=positive, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--turns", type=positive, default=3, help="of each session")
    parser.add_argument("--pause-s", type=float, default=60.0, help="between two turns, on average")
    parser.add_argument("--json", action="store_true", help="one document, and nothing else")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

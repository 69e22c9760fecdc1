"""`./run bench memory`: a worker's memory over thousands of utterances, half of them cancelled.

One worker process per engine, spoken to over gRPC as the agent does it; its resident memory is
read after every few utterances. The first tenth is left out: allocators and caches fill up in it.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import grpc
import numpy as np
from rich.console import Console
from rich.table import Table

from bench.machine import ForeignLoad, Machine
from bench.promise import Promise, print_promises
from bench.stopping import run_until_stopped
from parley import models
from parley.arguments import CommandParser
from parley.errors import ParleyError
from parley.rpc.v1 import synthesis_pb2 as pb
from parley.rpc.v1 import synthesis_pb2_grpc as rpc
from testkit.isolated_config import forget_own_settings
from testkit.worker_process import WorkerProcess

VOICES = {"piper": "piper-en-us-joe-medium", "hibari": "hibari-en-us-heart"}
DEFAULT_UTTERANCES = 2000
PROMISED_GROWTH_MB = 20.0
"""Over 2,000 utterances: 10 kB each, less than the sound of the shortest word."""
PER_UTTERANCES = 2000
AT_ONCE = 2
READINGS = 80
LEAST_MESSAGES = 3
"""What a text is answered with: its words, its audio, that it is done."""
SETTLING = 0.1
UTTERANCE_TIMEOUT_S = 120.0
WORDS = "the weather was clear over long silver rivers and old stone bridges in spring".split()


@dataclass(frozen=True)
class MemoryReading:
    """Resident memory after so many utterances."""

    utterances: int
    memory_mb: float


@dataclass(frozen=True)
class Flatness:
    """Of one engine's worker."""

    engine: str
    utterances: int
    cancelled: int
    took_s: float
    settled_mb: float
    end_mb: float
    growth_mb: float
    """The slope of a straight line through the readings, for 2,000 utterances."""

    @property
    def promise(self) -> Promise:
        name = f"{self.engine}_growth_mb_over_2000_utterances"
        return Promise(name, PROMISED_GROWTH_MB, self.growth_mb)

    @property
    def kept(self) -> bool:
        return self.promise.kept


def growth_mb(readings: Sequence[MemoryReading]) -> float:
    """The least-squares slope of the readings, as growth over 2,000 utterances; two at least."""
    slope, _ = np.polyfit([r.utterances for r in readings], [r.memory_mb for r in readings], 1)
    return float(slope * PER_UTTERANCES)


async def measure(engine: str, utterances: int, folder: Path) -> Flatness:
    """Starts a worker of the engine and has it speak; raises ParleyError."""
    voice = VOICES[engine]
    await asyncio.to_thread(models.ensure, voice)
    worker = WorkerProcess(
        engine,
        folder,
        tts={
            "adapter": engine,
            "default_model": voice,
            "slots": AT_ONCE,
            "queue_wait_s": UTTERANCE_TIMEOUT_S,
        },
    )
    try:
        await worker.start()
        began = time.monotonic()
        async with grpc.aio.insecure_channel(worker.target) as channel:
            speaking = _Speaking(rpc.SpeechSynthesisStub(channel), worker, utterances)
            await speaking.run()
        took_s = time.monotonic() - began
    finally:
        await worker.stop()
    settled = speaking.readings
    return Flatness(
        engine=engine,
        utterances=utterances,
        cancelled=speaking.cancelled,
        took_s=round(took_s, 1),
        settled_mb=round(settled[0].memory_mb, 1),
        end_mb=round(settled[-1].memory_mb, 1),
        growth_mb=round(growth_mb(settled), 2),
    )


class _Speaking:
    """The utterances of one worker, two at a time."""

    def __init__(
        self, stub: "rpc.SpeechSynthesisAsyncStub", worker: WorkerProcess, utterances: int
    ) -> None:
        self._stub = stub
        self._worker = worker
        self._utterances = utterances
        self._numbers = iter(range(1, utterances + 1))
        self._chance = random.Random(1)  # noqa: S311 - the same texts in every run
        self._done = 0
        self.cancelled = 0
        self.readings: list[MemoryReading] = []

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(AT_ONCE):
                tasks.create_task(self._speak())

    async def _speak(self) -> None:
        for number in self._numbers:
            await self._utter(number)
            self._done += 1
            every = max(1, self._utterances // READINGS)
            if self._done % every == 0 and self._done >= SETTLING * self._utterances:
                self.readings.append(MemoryReading(self._done, self._worker.memory_bytes() / 1e6))

    async def _utter(self, number: int) -> None:
        """One or two texts; every other utterance is cancelled somewhere."""
        chance = self._chance
        call = self._stub.Synthesize(timeout=UTTERANCE_TIMEOUT_S)
        rate_hz = chance.choice([0, 16000, 24000, 48000])
        await call.write(
            pb.SynthesizeRequest(open=pb.SynthesizeOpen(seed=number, sample_rate_hz=rate_hz))
        )
        texts = chance.randint(1, 2)
        for _ in range(texts):
            words = " ".join(chance.choices(WORDS, k=chance.randint(1, 5)))
            await call.write(pb.SynthesizeRequest(text=pb.SynthesizeText(text=f"{words}.")))
        if number % 2:
            for _ in range(chance.randint(1, 1 + LEAST_MESSAGES * texts)):
                await call.read()
            self.cancelled += call.cancel()
            return
        await call.write(pb.SynthesizeRequest(end=pb.SynthesizeEnd()))
        await call.done_writing()
        while await call.read() is not grpc.aio.EOF:
            pass


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    forget_own_settings()
    engines = [options.engine] if options.engine else list(VOICES)
    with ForeignLoad() as foreign, tempfile.TemporaryDirectory(prefix="parley-memory-") as folder:
        try:
            results = run_until_stopped(_measure(engines, options.utterances, Path(folder)))
        except ParleyError as error:
            print(f"parley: {error}", file=sys.stderr)
            return 2
    if options.json:
        print(json.dumps(_document(results, foreign.percent)))
    else:
        _print(results, foreign.percent)
    return 0 if all(result.kept for result in results) else 1


async def _measure(engines: Sequence[str], utterances: int, folder: Path) -> list[Flatness]:
    results = []
    for engine in engines:
        print(f"{engine}: {utterances} utterances", file=sys.stderr)
        results.append(await measure(engine, utterances, folder))
    return results


def _parser() -> CommandParser:
    parser = CommandParser(prog="./run bench memory", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON document, nothing else")
    parser.add_argument("--engine", choices=VOICES, help="default: one after the other")
    parser.add_argument("--utterances", type=_count, default=DEFAULT_UTTERANCES, metavar="N")
    return parser


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 40:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of at least 40")
    return int(text)


def _document(results: Sequence[Flatness], foreign_percent: float) -> dict[str, Any]:
    return {
        "benchmark": "memory",
        "machine": asdict(Machine.this()),
        "foreign_load_percent": foreign_percent,
        "results": [asdict(result) for result in results],
        "promises": [result.promise.document() for result in results],
    }


def _print(results: Sequence[Flatness], foreign_percent: float) -> None:
    table = Table(title="a worker's resident memory")
    table.add_column("engine")
    for column in ("utterances", "cancelled", "took", "settled", "end", "growth / 2,000"):
        table.add_column(column, justify="right")
    for result in results:
        table.add_row(
            result.engine,
            str(result.utterances),
            str(result.cancelled),
            f"{result.took_s:.0f} s",
            f"{result.settled_mb:.0f} MB",
            f"{result.end_mb:.0f} MB",
            f"{result.growth_mb:+.1f} MB",
        )
    console = Console()
    console.print(table)
    console.print(f"Others kept {foreign_percent:.0f}% of the machine busy meanwhile.")
    print_promises(console, [result.promise for result in results])

"""`./run bench stages`: whether the stage that is slow is the stage that the metrics blame.

One call of a Parley of its own. Before each turn one part is slowed by 300 ms, one after the other:
none, the voice and recognition (on the wire), the tool, the model. What each turn added to the
agent's metrics is compared with the turns in which nothing was slowed.
"""

import json
import statistics
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.arguments import positive
from bench.machine import Machine
from bench.promise import Promise, print_promises
from bench.stopping import run_until_stopped
from parley.arguments import CommandParser
from parley.errors import ParleyError
from testkit.fake_llm import FakeLlm, Messages, ScriptedAnswer
from testkit.isolated_config import forget_own_settings
from testkit.watched_parley import Watched, answered, clip, desk, interrupted, watched_parley

DELAY_S = 0.3
DEFAULT_ROUNDS = 4
CAUSES = ("nothing", "voice", "recognition", "tool", "model")
STAGES = {
    "asr": 'turn_latency_seconds{stage="asr"}',
    "llm_first_token": 'turn_latency_seconds{stage="llm_first_token"}',
    "tts_first_audio": 'turn_latency_seconds{stage="tts_first_audio"}',
    "tool": 'tool_latency_seconds{outcome="done",tool="order_status"}',
    "endpointing": 'turn_latency_seconds{stage="endpointing"}',
    "recognition": "recognition_latency_seconds",
    "total": 'turn_latency_seconds{stage="total"}',
}
BLAMED = {
    "voice": ("tts_first_audio",),
    "recognition": ("asr", "recognition"),
    "tool": ("tool",),
    "model": ("llm_first_token",),
}
FOLLOWS = {"recognition": ("endpointing",)}
"""The turn ends when its words are there: a late transcript is a late end of turn, too."""
AT_LEAST_S, OTHERS_AT_MOST_S = 0.25, 0.1


@dataclass
class StageSeconds:
    """Seconds by cause and stage, one for each turn."""

    seconds: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    def add(self, cause: str, before: Mapping[str, float], after: Mapping[str, float]) -> None:
        for stage, name in STAGES.items():
            metric, brace, labels = name.partition("{")
            counted, summed = (
                after.get(f"{metric}_{what}{brace}{labels}", 0.0)
                - before.get(f"{metric}_{what}{brace}{labels}", 0.0)
                for what in ("count", "sum")
            )
            if counted:
                self.seconds.setdefault(cause, {}).setdefault(stage, []).append(summed / counted)

    def shift_s(self, cause: str, stage: str) -> float:
        """How much longer the median is than where nothing was slowed; raises KeyError."""
        medians = (statistics.median(self.seconds[each][stage]) for each in (cause, "nothing"))
        slowed_s, usual_s = medians
        return slowed_s - usual_s

    def promises(self) -> list[Promise]:
        found = []
        for cause, blamed in BLAMED.items():
            innocent = set(STAGES) - {*blamed, *FOLLOWS.get(cause, ()), "total"}
            least = min(self.shift_s(cause, stage) for stage in blamed)
            most = max(self.shift_s(cause, stage) for stage in innocent)
            found += [
                Promise(f"slow_{cause}_shown_s", AT_LEAST_S, round(least, 3), at_least=True),
                Promise(f"slow_{cause}_elsewhere_s", OTHERS_AT_MOST_S, round(most, 3)),
            ]
        return found

    def document(self) -> dict[str, Any]:
        return {
            "delay_s": DELAY_S,
            "shift_s": {
                cause: {stage: round(self.shift_s(cause, stage), 3) for stage in STAGES}
                for cause in BLAMED
            },
            "seconds": self.seconds,
            "promises": [promise.document() for promise in self.promises()],
        }


def main(arguments: list[str]) -> int:
    parser = CommandParser(prog="./run bench stages", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one document, and nothing else")
    parser.add_argument(
        "--rounds", type=positive, default=DEFAULT_ROUNDS, help="turns of each kind"
    )
    options = parser.parse_args(arguments)
    forget_own_settings()
    console = Console(stderr=options.json)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="parley-bench-") as folder,
            watched_parley(Path(folder)) as watched,
        ):
            stages = run_until_stopped(measure(watched, options.rounds))
    except ParleyError as error:
        print(f"parley: {error}", file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps({"machine": asdict(Machine.this()), **stages.document()}))
    else:
        _print(console, stages)
    return 0 if all(promise.kept for promise in stages.promises()) else 1


async def measure(watched: Watched, rounds: int) -> StageSeconds:
    """Raises CallError."""
    stages = StageSeconds()
    interruption = await clip(watched, "Wait, stop. Where is my order number forty two?")
    question = await clip(watched, "And where is the other order of mine?")
    slow_model = 0.0

    def script(messages: Messages) -> ScriptedAnswer:
        answer = desk(messages)
        return ScriptedAnswer(text=answer.text, calls=answer.calls, first_after_s=slow_model)

    tools = 1
    async with watched.call(FakeLlm(script)) as client:
        await interrupted(client, interruption)
        for _ in range(rounds):
            for cause in CAUSES:
                slow_model = DELAY_S if cause == "model" else 0.0
                watched.tts_line.delay_s = DELAY_S if cause == "voice" else 0.0
                watched.asr_line.delay_s = DELAY_S if cause == "recognition" else 0.0
                watched.tool_delay.write_text(str(DELAY_S if cause == "tool" else 0.0))
                before = watched.samples("agent")
                tools += 1
                await answered(client, question, tools=tools)
                stages.add(cause, before, watched.samples("agent"))
    return stages


def _print(console: Console, stages: StageSeconds) -> None:
    table = Table(title=f"ms longer than usual, with {1000 * DELAY_S:g} ms of delay")
    for column in ("slow", *STAGES):
        table.add_column(column, justify="left" if column == "slow" else "right")
    for cause in BLAMED:
        table.add_row(cause, *(f"{1000 * stages.shift_s(cause, stage):.0f}" for stage in STAGES))
    console.print(table)
    print_promises(console, stages.promises())

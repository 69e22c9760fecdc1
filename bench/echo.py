"""`./run bench echo`: does the agent answer itself where its own voice comes back?

Calls without cancellation over echoes of six levels and five delays, in a room and not, and over
what a canceller leaves. Each call greets, replies, and replies again; over that reply a person
speaks. The agent's own playout, turn-taking and recognition, outside a room, in real time.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from agent.session import floor_policy
from bench.arguments import positive
from bench.echo_paths import DELAYS_MS, LEVELS_DB, EchoCell, cells
from bench.echo_trial import EchoLine, EchoTrial, hold_echo_trial
from bench.floor_sounds import recorded_interruptions
from bench.interruptions import to_stderr
from bench.machine import ForeignLoad, Machine
from bench.promise import Promise, print_promises
from bench.synthetic_speech import synthesize
from caller.recordings import SPEECH, sound_files
from parley.arguments import CommandParser
from parley.audio import Samples
from parley.discovery import StaticDiscovery
from parley.errors import ConfigurationError, ParleyError
from parley.settings import OrchestratorSettings
from parley.speech import RecognitionPool, SpeechPool
from testkit.isolated_instance import running
from testkit.told_scripts import LONG

GREETINGS = (
    "Hi, how can I help you today?",
    "Hello! You have reached the bicycle shop. What can I do for you?",
)
TUNED_ON_FILES = 6
"""The rules were written with these recordings (the first by name), in another voice (Hibari's)
that told of a miller; here are the other people, the default voice, and other words."""
OVER_DB = (0, 3, 6)
"""How much louder than the echo the person is, by turns."""
DEFAULT_STREAMS = 4
IN_TIME = 0.95


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    try:
        with ForeignLoad() as foreign:
            trials = asyncio.run(_run(options))
    except (ConfigurationError, ParleyError) as error:
        print(f"parley: {error}", file=sys.stderr)
        return 2
    promises = promises_of(trials)
    if options.json:
        print(json.dumps(_document(trials, promises, foreign.percent, options)))
    else:
        _print(trials, promises, foreign.percent)
    return 0 if all(promise.kept for promise in promises) else 1


def promises_of(trials: Sequence[EchoTrial]) -> list[Promise]:
    in_time = round(sum(trial.in_time for trial in trials) / len(trials), 4) if trials else None
    return [
        Promise("turns_of_its_own", 0, sum(len(trial.self_turns) for trial in trials)),
        Promise("greetings_cut", 0, sum(trial.greeting_cut for trial in trials)),
        Promise("replies_cut_by_itself", 0, sum(trial.self_cuts for trial in trials)),
        Promise("people_over_it_yielded_to", IN_TIME, in_time, at_least=True),
        Promise("calls", 30, len(trials), at_least=True),
    ]


async def _run(options: argparse.Namespace) -> list[EchoTrial]:
    settings = OrchestratorSettings()
    people = _people()
    chosen = cells(every=options.all)[:: options.step]
    waiting, trials = list(enumerate(chosen)), list[EchoTrial]()
    async with running(llm_url="http://127.0.0.1:9/v1", parts=("asr", "tts")) as parley:
        async with SpeechPool(StaticDiscovery(parley.tts_address)) as speech:
            voice = settings.tts.default_model
            lines = {
                text: EchoLine(text, await synthesize(speech, text, voice=voice))
                for text in (*GREETINGS, *LONG)
            }
        to_stderr(f"{len(chosen)} calls of about 20 s, {options.streams} at once")

        async def stream(pool: RecognitionPool) -> None:
            while waiting:
                number, cell = waiting.pop(0)
                texts = (
                    GREETINGS[number % len(GREETINGS)],
                    LONG[number % len(LONG)],
                    LONG[(number + 2) % len(LONG)],
                )
                trial = await hold_echo_trial(
                    cell,
                    [lines[text] for text in texts],
                    people[number % len(people)],
                    pool,
                    policy=floor_policy(settings.turn),
                    preflight_silence_s=settings.turn.preflight_silence_s,
                    person_over_db=OVER_DB[number % len(OVER_DB)],
                )
                trials.append(trial)
                to_stderr(f"{len(trials)} of {len(chosen)}: {_line(trial)}")

        async with RecognitionPool(StaticDiscovery(parley.asr_address)) as pool:
            try:
                async with asyncio.TaskGroup() as group:
                    for _ in range(options.streams):
                        group.create_task(stream(pool))
            except ExceptionGroup as errors:
                raise errors.exceptions[0] from None
    return trials


def _people() -> list[Samples]:
    """Interruptions by the people that nothing was tuned on."""
    tuned_on = {file.stem for file in sound_files(SPEECH)[:TUNED_ON_FILES]}
    return [
        sound.samples
        for sound in recorded_interruptions(SPEECH)
        if sound.name.split()[0] not in tuned_on
    ]


def _line(trial: EchoTrial) -> str:
    yielded = f"{trial.yielded_ms:.0f} ms" if trial.yielded_ms is not None else "never"
    return (
        f"{trial.cell.name}: {len(trial.self_turns)} turns of its own, {trial.self_cuts} cuts, "
        f"{trial.stops} stops; yielded after {yielded} to +{trial.person_over_db} dB "
        f"{list(trial.self_turns)}"
    )


def _document(
    trials: Sequence[EchoTrial],
    promises: Sequence[Promise],
    foreign_percent: float,
    options: argparse.Namespace,
) -> dict[str, object]:
    return {
        "benchmark": "echo",
        "machine": asdict(Machine.this()),
        "foreign_load_percent": foreign_percent,
        "streams": options.streams,
        "calls": [
            {**asdict(trial), "cell": asdict(trial.cell), "in_time": trial.in_time}
            for trial in trials
        ],
        "promises": [promise.document() for promise in promises],
    }


def _print(
    trials: Sequence[EchoTrial], promises: Sequence[Promise], foreign_percent: float
) -> None:
    console, machine = Console(), Machine.this()
    by_cell = {trial.cell: trial for trial in trials}
    for kind, levels in (("plain", LEVELS_DB), ("room", LEVELS_DB), ("residual", (-30,))):
        table = Table(title=f"{kind}: own turns / own cuts / stops / yielded after ms")
        table.add_column("level")
        for delay_ms in DELAYS_MS:
            table.add_column(f"{delay_ms} ms", justify="right")
        for level_db in levels:
            found = [
                by_cell.get(EchoCell(kind, level_db, delay_ms))  # type: ignore[arg-type]
                for delay_ms in DELAYS_MS
            ]
            table.add_row(f"{level_db} dB", *(_mark(trial) for trial in found))
        console.print(table)
    console.print(
        f"{machine.cores} cores, {machine.processor}; others kept {foreign_percent:.0f}% of them "
        "busy meanwhile"
    )
    print_promises(console, promises)


def _mark(trial: EchoTrial | None) -> str:
    if trial is None:
        return ""
    yielded = f"{trial.yielded_ms:.0f}" if trial.yielded_ms is not None else "never"
    greeting = "!" if trial.greeting_cut else ""
    return f"{len(trial.self_turns)}/{trial.self_cuts}{greeting}/{trial.stops}/{yielded}"


def _parser() -> CommandParser:
    parser = CommandParser(prog="./run bench echo", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON document, nothing else")
    parser.add_argument("--all", action="store_true", help="every cell, in a room and not")
    parser.add_argument(
        "--step", type=positive, default=1, metavar="N", help="every Nth cell, for a quick look"
    )
    parser.add_argument(
        "--streams", type=positive, default=DEFAULT_STREAMS, metavar="N", help="calls at once"
    )
    return parser

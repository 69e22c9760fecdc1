"""`./run bench floor`: who gets the floor, by what is heard over the agent's speech.

Interruptions should end the reply; murmurs and noises should not. Each sound goes through the
agent's own turn-taking, voice activity detection and a recognition worker, in real time; with
`--offline` through a recognizer in this process, on the sound's own clock.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import soundfile
from rich.console import Console
from rich.table import Table

from agent.session import floor_policy
from bench.arguments import positive
from bench.floor_offline import MODELS, OfflineFloor
from bench.floor_rooms import RoomTrial, in_a_room, sample
from bench.floor_sounds import (
    RATE_HZ,
    FloorSound,
    brought_sounds,
    recorded_interruptions,
    recorded_noises,
    synthesized,
)
from bench.floor_split import HELD_OUT_VOICE, TUNED_VOICES, Split
from bench.floor_trial import FloorTrial, hold_trial
from bench.interruptions import to_stderr
from bench.machine import ForeignLoad, Machine
from bench.made_noises import generated_noises
from bench.murmur_fit import LearnedSound, fitted, write
from bench.promise import Promise, print_promises
from caller.recordings import NOISES, SPEECH
from parley import models
from parley.arguments import CommandParser
from parley.audio import Samples
from parley.discovery import StaticDiscovery
from parley.errors import (
    AudioFileError,
    ConfigurationError,
    ModelError,
    SupervisorError,
)
from parley.settings import OrchestratorSettings
from parley.speech import RecognitionPool, SpeechPool
from testkit.isolated_instance import running
from testkit.told_scripts import ToldScripts
from testkit.worker_process import WorkerProcess

GENERATED_EACH = 10
DEFAULT_STREAMS = 3
DEFAULT_ROOMS = 24
YIELDED, SURVIVED = 0.97, 0.90
OF_EACH = 100
FULL_SET = 10_000
SPLITS: tuple[Split, ...] = ("tuned", "held_out")


@dataclass(frozen=True)
class Found:
    trials: list[FloorTrial]
    voices: list[str]
    rooms: list[RoomTrial]

    def of(self, *, wants_floor: bool) -> list[FloorTrial]:
        return [trial for trial in self.trials if trial.sound.wants_floor is wants_floor]


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    try:
        if options.fit:
            print(asyncio.run(_fit(options)))
            return 0
        with ForeignLoad() as foreign:
            found = asyncio.run(_run(options))
    except (ConfigurationError, AudioFileError) as error:
        print(f"parley: {error}", file=sys.stderr)
        return 2
    if options.keep is not None:
        _keep(found.trials, options.keep)
    promises = promises_of(found.trials, whole=options.each == FULL_SET)
    if options.json:
        print(json.dumps(_document(found, promises, foreign.percent, options)))
    else:
        _print(found, promises, foreign.percent)
    return 0 if all(promise.kept for promise in promises) else 1


def promises_of(trials: Sequence[FloorTrial], *, whole: bool) -> list[Promise]:
    """Both shares together, on at least OF_EACH held-out sounds of each kind unless a part was
    asked for. The sounds that the rules were written from keep no promise but `never_stuck`."""
    held_out = [trial for trial in trials if trial.sound.split == "held_out"]
    wanted = [trial for trial in held_out if trial.sound.wants_floor]
    others = [trial for trial in held_out if not trial.sound.wants_floor]
    promises = [
        Promise("interruptions_yielded_to", YIELDED, share(wanted), at_least=True),
        Promise("murmurs_and_noises_survived", SURVIVED, share(others), at_least=True),
        Promise("never_stuck", 0, sum(trial.stuck for trial in trials)),
    ]
    if whole:
        promises += [
            Promise("interruptions", OF_EACH, len(wanted), at_least=True),
            Promise("murmurs_and_noises", OF_EACH, len(others), at_least=True),
        ]
    return promises


def share(trials: Sequence[FloorTrial]) -> float | None:
    return round(sum(trial.right for trial in trials) / len(trials), 4) if trials else None


async def _run(options: argparse.Namespace) -> Found:
    settings = OrchestratorSettings()
    sounds, voices = await _sounds(options)
    person = next(sound.samples for sound in sounds if sound.origin == "recorded")
    policy, preflight_silence_s = floor_policy(settings.turn), settings.turn.preflight_silence_s
    waiting, trials = list(reversed(sounds)), list[FloorTrial]()

    def done(trial: FloorTrial) -> None:
        trials.append(trial)
        if len(trials) % 20 == 0:
            to_stderr(f"{len(trials)} of {len(sounds)}")

    if options.offline:
        offline = OfflineFloor(options.offline, preflight_silence_s=preflight_silence_s)
        while waiting:
            done(await offline.trial(waiting.pop(), person, policy))
        return Found(trials, voices, [])

    async def stream(pool: RecognitionPool) -> None:
        while waiting:
            sound = waiting.pop()
            done(
                await hold_trial(
                    sound, person, pool, policy=policy, preflight_silence_s=preflight_silence_s
                )
            )

    async with running(llm_url="http://127.0.0.1:9/v1", parts=("asr",)) as parley:
        to_stderr(f"{len(sounds)} sounds; each is heard in real time")
        async with RecognitionPool(StaticDiscovery(parley.asr_address)) as pool:
            try:
                async with asyncio.TaskGroup() as group:
                    for _ in range(options.streams):
                        group.create_task(stream(pool))
            except ExceptionGroup as errors:
                raise errors.exceptions[0] from None
    chosen = sample([sound for sound in sounds if sound.split == "held_out"], options.rooms)
    return Found(trials, voices, await _in_rooms(chosen, person) if chosen else [])


async def _fit(options: argparse.Namespace) -> Path:
    """On the tuned half, as every recognizer hears it; the file that the weights are in."""
    silence_s = OrchestratorSettings().turn.preflight_silence_s
    offline = [OfflineFloor(adapter, preflight_silence_s=silence_s) for adapter in MODELS]
    learned = []
    for sound in (await _sounds(options))[0]:
        if sound.split == "tuned":
            heard = [await each.hear(sound) for each in offline]
            learned.append(LearnedSound.of(sound, heard))
    return write(*fitted(learned))


async def _in_rooms(sounds: Sequence[FloorSound], person: Samples) -> list[RoomTrial]:
    model = ToldScripts()
    async with model.serving() as url, running(llm_url=url) as parley:
        return await in_a_room(parley, model, sounds, person, progress=to_stderr)


async def _sounds(options: argparse.Namespace) -> tuple[list[FloorSound], list[str]]:
    """The set, at most `each` of every part, label and origin, spread over it."""
    sounds = list(recorded_interruptions(options.clips))
    spoken, voices = ([], []) if options.brought_only else await _spoken()
    sounds += spoken
    for folder in options.sounds:
        sounds += brought_sounds(folder)
    if options.noises.is_dir():
        sounds += recorded_noises(options.noises)
    for split in SPLITS:
        sounds += generated_noises(GENERATED_EACH, split)
    groups: dict[tuple[str, str, str], list[FloorSound]] = {}
    for sound in sounds:
        groups.setdefault((sound.split, sound.label, sound.origin), []).append(sound)
    return [
        sound for group in groups.values() for sound in group[:: max(1, len(group) // options.each)]
    ], voices


async def _spoken() -> tuple[list[FloorSound], list[str]]:
    """By every voice that can be had: each part by its own."""
    spoken, voices = list[FloorSound](), list[str]()
    wanted: list[tuple[str, str, Sequence[Split]]] = [
        (adapter, voice, ("tuned",)) for adapter, voice in TUNED_VOICES.items()
    ]
    wanted.append(("piper", HELD_OUT_VOICE, ("held_out",)))
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as folder:
        for adapter, voice, splits in wanted:
            to_stderr(f"synthesizing with {voice}")
            worker = WorkerProcess(
                voice, Path(folder), tts={"adapter": adapter, "default_model": voice}
            )
            try:
                await asyncio.to_thread(models.ensure, voice)
                await worker.start()
            except (ModelError, SupervisorError) as error:
                to_stderr(f"{voice} is left out: {error}")
                continue
            try:
                async with SpeechPool(StaticDiscovery(worker.target)) as pool:
                    for split in splits:
                        spoken += await synthesized(pool, voice, split)
                voices.append(voice)
            finally:
                await worker.stop()
    return spoken, voices


def _keep(trials: Sequence[FloorTrial], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number, trial in enumerate(trials, start=1):
        file = f"{number:03}.flac"
        soundfile.write(folder / file, trial.sound.samples, RATE_HZ)
        rows.append({"file": file, **_row(trial)})
    (folder / "floor.json").write_text(json.dumps(rows, indent=1), encoding="utf-8")


def _row(trial: FloorTrial) -> dict[str, Any]:
    row = asdict(trial)
    sound = row.pop("sound")
    return {
        "name": sound["name"],
        "label": sound["label"],
        "origin": sound["origin"],
        "split": sound["split"],
        "right": trial.right,
        **row,
    }


def _table(trials: Sequence[FloorTrial]) -> dict[str, dict[str, int]]:
    """By part, label and origin: how many were yielded to, survived, and left it stuck."""
    table: dict[str, dict[str, int]] = {}
    for trial in trials:
        key = f"{trial.sound.split}: {trial.sound.label}, {trial.sound.origin}"
        counts = table.setdefault(key, {"sounds": 0, "yielded": 0, "went_on": 0, "stuck": 0})
        counts["sounds"] += 1
        verdict = "stuck" if trial.stuck else "yielded" if trial.yielded else "went_on"
        counts[verdict] += 1
    return table


def _document(
    found: Found, promises: Sequence[Promise], foreign_percent: float, options: argparse.Namespace
) -> dict[str, Any]:
    return {
        "benchmark": "floor",
        "machine": asdict(Machine.this()),
        "foreign_load_percent": foreign_percent,
        "streams": options.streams,
        "offline": options.offline,
        "voices": found.voices,
        "sounds": Counter(trial.sound.label for trial in found.trials),
        "synthetic": sum(trial.sound.origin != "recorded" for trial in found.trials),
        "split": {split: _part(found, split) for split in SPLITS},
        "confusion": _table(found.trials),
        "rooms": {
            "sounds": len(found.rooms),
            "right": sum(trial.right for trial in found.rooms),
            "wrong": [
                {"name": trial.sound.name, "label": trial.sound.label, "yielded": trial.yielded}
                for trial in found.rooms
                if not trial.right
            ],
        },
        "wrong": [
            _row(trial)
            for trial in found.trials
            if not trial.right and trial.sound.split == "tuned"  # nobody looks at the others
        ],
        "promises": [promise.document() for promise in promises],
        "kept": str(options.keep) if options.keep is not None else None,
    }


def _part(found: Found, split: Split) -> dict[str, Any]:
    """What the rules do with the sounds that they were written from, and with those held out."""
    trials = [trial for trial in found.trials if trial.sound.split == split]
    wanted = [trial for trial in trials if trial.sound.wants_floor]
    others = [trial for trial in trials if not trial.sound.wants_floor]
    return {
        "interruptions": len(wanted),
        "interruptions_yielded_to": share(wanted),
        "murmurs_and_noises": len(others),
        "murmurs_and_noises_survived": share(others),
        "voices": len({trial.sound.voice for trial in trials if trial.sound.voice}),
        "kinds": _kinds(trials),
    }


def _kinds(trials: Sequence[FloorTrial]) -> dict[str, dict[str, int]]:
    """By class: how many there are, in how many voices, and how many were judged rightly."""
    kinds: dict[str, list[FloorTrial]] = {}
    for trial in trials:
        kinds.setdefault(f"{trial.sound.label}: {trial.sound.kind}", []).append(trial)
    return {
        kind: {
            "sounds": len(of_kind),
            "voices": len({trial.sound.voice for trial in of_kind}),
            "right": sum(trial.right for trial in of_kind),
        }
        for kind, of_kind in sorted(kinds.items())
    }


def _print(found: Found, promises: Sequence[Promise], foreign_percent: float) -> None:
    console, machine = Console(), Machine.this()
    table = Table(title="who got the floor")
    for column in ("sound", "all", "yielded", "went on", "stuck"):
        table.add_column(column, justify="left" if column == "sound" else "right")
    for name, counts in sorted(_table(found.trials).items()):
        table.add_row(name, *(str(value) for value in counts.values()))
    console.print(table)
    for trial in found.trials:
        if not trial.right and trial.sound.split == "tuned":  # nobody looks at what is held out
            console.print(
                f"wrong: {trial.sound.label} {trial.sound.name}: {list(trial.texts)}",
                markup=False,
                highlight=False,
            )
    for room in found.rooms:
        if not room.right:
            console.print(f"wrong in a room: {room.sound.label} {room.sound.name}", markup=False)
    console.print(
        f"in real rooms: {sum(room.right for room in found.rooms)} of {len(found.rooms)} right\n"
        f"voices: {', '.join(found.voices) or 'none'}; {machine.cores} cores, "
        f"{machine.processor}; others kept {foreign_percent:.0f}% of them busy meanwhile"
    )
    print_promises(console, promises)


def _parser() -> CommandParser:
    parser = CommandParser(prog="./run bench floor", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON document, nothing else")
    parser.add_argument(
        "--clips", type=Path, default=SPEECH, metavar="DIR", help="recorded sentences"
    )
    parser.add_argument(
        "--noises", type=Path, default=NOISES, metavar="DIR", help="recorded noises"
    )
    parser.add_argument(
        "--sounds",
        type=Path,
        action="append",
        default=[],
        metavar="DIR",
        help="sounds of other voices or of people, listed in its sounds.tsv; more than once",
    )
    parser.add_argument(
        "--brought-only", action="store_true", help="synthesize none: only what is in folders"
    )
    parser.add_argument(
        "--offline",
        choices=sorted(MODELS),
        help="heard by this recognizer in this process, as fast as it can; no rooms",
    )
    parser.add_argument(
        "--fit",
        action="store_true",
        help="fit the weights of murmurs on the tuned half, and write them",
    )
    parser.add_argument(
        "--each",
        type=positive,
        default=FULL_SET,
        metavar="N",
        help="about so many of each kind and origin, for a quick look; default: all",
    )
    parser.add_argument(
        "--streams", type=positive, default=DEFAULT_STREAMS, metavar="N", help="sounds at once"
    )
    parser.add_argument(
        "--rooms", type=int, default=DEFAULT_ROOMS, metavar="N", help="sounds tried in a room, too"
    )
    parser.add_argument("--keep", type=Path, metavar="DIR", help="every sound, and its verdict")
    return parser

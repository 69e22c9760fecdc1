"""`./run load`: many callers talk with a running Parley at once, open loop.

Each speaks at its own random times, whether or not it was answered. Everything is judged on the
recordings of both sides; the agent's own count of underruns and what the kernel counts for each
part stand beside it.
"""

import argparse
import asyncio
import json
import logging
import signal
import sys
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
from rich.console import Console
from rich.table import Table

from bench.arguments import positive
from bench.interruptions import to_stderr
from bench.load_caller import LoadCaller, LoadFindings
from bench.load_figures import promises_of_turns, unanswered, waits_ms
from bench.load_page import write_page
from bench.load_parts import PartUse, parts_of, sample_parts
from bench.machine import Machine
from bench.percentiles import distribution
from bench.promise import Promise, print_promises
from caller.access import own_gateway, refuse_without_gateway
from caller.measure import speech_end
from caller.microphone import SAMPLE_RATE_HZ
from caller.recordings import SPEECH, sound_files
from cli.counting import counted
from ops.supervisor.media_network import refuse_without_media
from ops.supervisor.record import RecordFile
from parley import paths
from parley.arguments import CommandParser
from parley.audio import Audio, read_audio
from parley.clock import monotonic
from parley.errors import AudioFileError, ConfigurationError
from parley.program import EXIT_INTERRUPTED
from parley.settings import OrchestratorSettings, load_orchestrator

DEFAULT_EVERY_S = 20.0
SHORTEST_MINUTES = 0.5
LONGEST_CLIP_S = 9.0
"""Longer sentences are left out: who says nothing else never hears an answer."""
STAGGER_S = 2.0
"""Between the first calls of two callers."""
PROGRESS_EVERY_S = 10.0
LOOP_CHECK_S = 0.05
TOLD_WITHIN_MS = 1000
"""Who finds no room is told so by then."""
UNDERRUNS = "playout_underruns_total"
TEXT_WAITS = "reply_text_waits_total"


@dataclass(frozen=True)
class LoadResult:
    """What a load found."""

    findings: LoadFindings
    parts: list[PartUse]
    loop_late_ms: list[float]
    underruns: float | None
    """The agent's own count during the load; None where it could not be asked."""
    text_waits: float | None
    interrupted: bool = False
    """Ended before its time by Ctrl-C."""
    beyond_room: bool = False
    """There were to be more callers than there is room for."""


def main(arguments: list[str]) -> int:
    options = make_parser().parse_args(arguments)
    logging.getLogger("livekit").setLevel(logging.CRITICAL)
    try:
        settings = load_orchestrator()
        clips = _read_clips(options.clips)
        refuse_without_media()
    except (ConfigurationError, AudioFileError) as error:
        print(f"parley: {error}", file=sys.stderr)
        return 2
    refuse_without_gateway(options.gateway or own_gateway(settings))
    load = asyncio.run(_load(options, settings, clips))
    promises = promises_of(load)
    document = _document(load, promises, options)
    if options.report is not None:
        write_page(options.report, document, load.findings.turns, load.parts)
    if options.json:
        print(json.dumps(document))
    else:
        _print(document, promises)
    if load.interrupted:
        return EXIT_INTERRUPTED
    return 0 if all(promise.kept for promise in promises) else 1


def promises_of(load: LoadResult) -> list[Promise]:
    told_ms = load.findings.told_full_ms
    expected = len(told_ms) if load.beyond_room else 0
    promises = [
        Promise("underruns", 0, load.underruns),
        Promise("calls_refused_or_lost", 0, len(load.findings.refusals) - expected),
        *promises_of_turns(load.findings.turns),
    ]
    if told_ms or load.beyond_room:
        slowest_ms = max(told_ms, default=None)
        promises.append(Promise("told_that_it_is_full_ms", TOLD_WITHIN_MS, slowest_ms))
    return promises


async def _load(
    options: argparse.Namespace, settings: OrchestratorSettings, clips: Sequence[Audio]
) -> LoadResult:
    pids = _pids()
    if not pids:
        to_stderr("no Parley of this machine's supervisor runs: CPU and memory are not measured")
    findings, clock = LoadFindings(), monotonic
    parts, late_ms = parts_of(pids), list[float]()
    sampling = asyncio.create_task(sample_parts(parts, clock), name="parts")
    lateness = asyncio.create_task(_loop_lateness(late_ms), name="lateness")
    before = await _counts(settings)
    started_s = clock()
    until_s = started_s + 60 * options.minutes
    callers = [
        LoadCaller(
            number=number + 1,
            gateway_url=options.gateway or own_gateway(settings),
            clips=clips,
            every_s=options.every,
            started_s=started_s,
            until_s=until_s,
            clock=clock,
            random=Random(f"{options.seed} {number}"),  # noqa: S311
            findings=findings,
        )
        for number in range(options.callers)
    ]
    telling = asyncio.create_task(_tell(findings, started_s, until_s), name="progress")
    try:
        interrupted = await _until_interrupted(_calls_of(callers))
        after = await _counts(settings)
    finally:
        for task in (telling, sampling, lateness):
            task.cancel()
        await asyncio.gather(telling, sampling, lateness, return_exceptions=True)
    for caller in callers:
        caller.judge()
    return LoadResult(
        findings,
        parts,
        late_ms,
        underruns=_counted(UNDERRUNS, before, after),
        text_waits=_counted(TEXT_WAITS, before, after),
        interrupted=interrupted,
        beyond_room=options.beyond_room,
    )


async def _calls_of(callers: Sequence[LoadCaller]) -> None:
    async with asyncio.TaskGroup() as group:
        for number, caller in enumerate(callers):
            group.create_task(_after(number * STAGGER_S, caller))


async def _until_interrupted(work: Coroutine[Any, Any, None]) -> bool:
    """Whether Ctrl-C ended the work; a second Ctrl-C ends the process, as ever."""
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(work)

    def interrupt() -> None:
        loop.remove_signal_handler(signal.SIGINT)
        to_stderr("ending early: judging what was heard")
        task.cancel()

    loop.add_signal_handler(signal.SIGINT, interrupt)
    try:
        await asyncio.wait([task])
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    if not task.cancelled():
        task.result()
    return task.cancelled()


async def _after(delay_s: float, caller: LoadCaller) -> None:
    await asyncio.sleep(delay_s)
    await caller.run()


async def _tell(findings: LoadFindings, started_s: float, until_s: float) -> None:
    while True:
        await asyncio.sleep(PROGRESS_EVERY_S)
        to_stderr(
            f"{monotonic() - started_s:4.0f} of {until_s - started_s:.0f} s: {findings.calls} "
            f"calls, {findings.spoken} turns spoken, {len(findings.refusals)} refused or lost"
        )


async def _loop_lateness(late_ms: list[float]) -> None:
    """Adds how late this process's event loop is, until it is cancelled: callers that starve
    measure themselves."""
    while True:
        before_s = monotonic()
        await asyncio.sleep(LOOP_CHECK_S)
        late_ms.append(1000 * (monotonic() - before_s - LOOP_CHECK_S))


def _counted(name: str, before: Mapping[str, float], after: Mapping[str, float]) -> float | None:
    return after[name] - before[name] if name in before and name in after else None


async def _counts(settings: OrchestratorSettings) -> dict[str, float]:
    """The agent's counts so far; nothing where it does not tell."""
    server = settings.server
    address = f"http://127.0.0.1:{server.health_check_port}/metrics"
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session,
            session.get(address) as response,
        ):
            text = await response.text()
    except (aiohttp.ClientError, TimeoutError):
        return {}
    if response.status != HTTPStatus.OK:
        return {}
    counts = {UNDERRUNS: 0.0, TEXT_WAITS: 0.0}  # before the first call nobody has counted anything
    for line in text.splitlines():
        name, _, value = line.partition(" ")
        if name in counts:
            counts[name] += float(value)
    return counts


def _pids() -> dict[str, int]:
    record = RecordFile(paths.state_dir()).running()
    parts = record.parts if record is not None else ()
    return {part.name: part.pid for part in parts if part.pid is not None}


def _read_clips(folder: Path) -> list[Audio]:
    """Sentences up to LONGEST_CLIP_S, each ended where its speech ends, at the microphone's rate;
    raises ConfigurationError."""
    clips = []
    for file in sound_files(folder):
        audio = read_audio(file).resampled(SAMPLE_RATE_HZ)
        said = audio.samples[: speech_end(audio.samples, SAMPLE_RATE_HZ)]
        if len(said) <= LONGEST_CLIP_S * SAMPLE_RATE_HZ:
            clips.append(Audio(said, SAMPLE_RATE_HZ))
    if not clips:
        raise ConfigurationError(
            f"{folder} holds no WAV or FLAC of up to {LONGEST_CLIP_S:.0f} s: name with --clips DIR "
            "a folder of recorded sentences"
        )
    return clips


def _document(
    load: LoadResult, promises: Sequence[Promise], options: argparse.Namespace
) -> dict[str, Any]:
    turns = load.findings.turns
    agent = next((part for part in load.parts if part.name == "agent"), None)
    return {
        "command": "load",
        "machine": asdict(Machine.this()),
        "callers": options.callers,
        "minutes": options.minutes,
        "mean_s_between_turns": options.every,
        "seed": options.seed,
        "calls": load.findings.calls,
        "interrupted": load.interrupted,
        "refused": len(load.findings.refusals),
        "refused_for_room": len(load.findings.told_full_ms),
        "refusals": sorted(set(load.findings.refusals)),
        "turns": len(turns),
        "unanswered": len(unanswered(turns)),
        "fillers_first": sum(t.first_sound_ms != t.response_ms for t in turns if t.first_sound_ms),
        "gaps_heard": sum(len(t.gaps_ms) for t in turns),
        "silences_heard": sum(len(t.silences_ms) for t in turns),
        "underruns": load.underruns,
        "text_waits": load.text_waits,
        "figures": {
            "response": _distribution(waits_ms(turns)),
            "response_at_arrival": _distribution(waits_ms(turns, at_arrival=True)),
            "first_sound": _distribution([t.first_sound_ms for t in turns]),
            "gap_heard": _distribution([ms for t in turns for ms in t.gaps_ms]),
            "silence_heard": _distribution([ms for t in turns for ms in t.silences_ms]),
            "told_full": _distribution(load.findings.told_full_ms),
            "onset_to_silence": _distribution([t.silence_ms for t in turns]),
        },
        "parts": {
            part.name: {
                "cpu_percent": part.cpu_percent,
                "memory_mb": part.memory_mb,
                "memory_before_mb": part.memory_before_mb,
            }
            for part in load.parts
        },
        "per_session": {
            "cpu_percent": round(agent.cpu_percent / options.callers, 1) if agent else 0.0,
            "memory_mb": round((agent.memory_mb - agent.memory_before_mb) / options.callers, 1)
            if agent
            else 0.0,
        },
        "starved_ms": round(load.findings.starved_ms, 1),
        "loop_late_ms": _distribution(load.loop_late_ms),
        "promises": [promise.document() for promise in promises],
        "report": str(options.report) if options.report is not None else None,
    }


def _distribution(values: Sequence[float | None]) -> dict[str, float | int | None]:
    measured = [value for value in values if value is not None]
    named = {"p50": 50, "p90": 90, "p95": 95, "p99": 99, "max": 100}
    return distribution(measured, named)


def _print(document: dict[str, Any], promises: Sequence[Promise]) -> None:
    console, machine = Console(highlight=False), document["machine"]
    title = f"{counted(document['turns'], 'turn')} of {counted(document['callers'], 'caller')}, ms"
    table = Table(title=title)
    for column in ("", "count", "p50", "p90", "p95", "p99", "max"):
        table.add_column(column, justify="right" if column else "left")
    for name, found in document["figures"].items():
        cells = ["–" if found[key] is None else f"{found[key]:g}" for key in list(found)]
        table.add_row(name.replace("_", " "), *cells)
    console.print(table)
    for name, use in document["parts"].items():
        console.print(
            f"  {name:<8} {use['cpu_percent']:6.1f}% of a core, {use['memory_mb']:6.0f} MB "
            f"(before {use['memory_before_mb']:.0f})"
        )
    session = document["per_session"]
    console.print(
        f"per session: {session['cpu_percent']:g}% of a core, {session['memory_mb']:g} MB of the "
        f"agent's\n{counted(document['unanswered'], 'turn')} unanswered, counted as the longest "
        f"wait; {counted(document['gaps_heard'], 'gap')} heard inside replies\n"
        f"{counted(machine['cores'], 'core')}, {machine['processor']}; "
        f"callers starved for {document['starved_ms']:g} ms, their loop late by "
        f"{document['loop_late_ms']['p99']} ms (p99)"
    )
    for refusal in document["refusals"]:
        console.print(f"refused or lost: {refusal}", markup=False)
    if document["report"]:
        console.print(f"Report: {document['report']}")
    print_promises(console, promises)


def _minutes(text: str) -> float:
    try:
        minutes = float(text)
    except ValueError:
        minutes = 0.0
    if not SHORTEST_MINUTES <= minutes <= 24 * 60:
        raise argparse.ArgumentTypeError(f"{text!r}: from {SHORTEST_MINUTES} minutes to a day")
    return minutes


def make_parser() -> CommandParser:
    parser = CommandParser(prog="./run load", description=__doc__)
    parser.add_argument("--callers", type=positive, default=2, metavar="N", help="at once")
    parser.add_argument("--minutes", type=_minutes, default=1.0, metavar="M", help="how long")
    parser.add_argument("--json", action="store_true", help="one JSON document, nothing else")
    parser.add_argument("--report", type=Path, metavar="FILE.html", help="one page with plots")
    parser.add_argument(
        "--clips", type=Path, default=SPEECH, metavar="DIR", help="recorded sentences"
    )
    parser.add_argument(
        "--every",
        type=float,
        default=DEFAULT_EVERY_S,
        metavar="S",
        help="mean time between a caller's turns",
    )
    parser.add_argument(
        "--beyond-room",
        action="store_true",
        help="more callers than there is room for: refusals are expected, and must come soon",
    )
    parser.add_argument("--seed", type=int, default=5, help="of the turns' times and sentences")
    parser.add_argument("--gateway", metavar="URL", help="default: the one of the configuration")
    return parser

"""`./run voices`: what the speech workers can say, and what they hold in memory."""

import argparse
import asyncio
import sys
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from rich.console import Console
from rich.table import Table

from parley.arguments import CommandParser
from parley.errors import (
    ConfigurationError,
    SpeechError,
    VoiceNotFoundError,
    WorkerUnavailableError,
)
from parley.rpc.v1 import status_pb2 as pb
from parley.settings import OrchestratorSettings, load_orchestrator
from parley.speech.admin import Answers, WorkerAdmin
from parley.speech.channel import NOBODY_LISTENS, Channels
from parley.speech.configured import recognition_discovery, speech_discovery
from parley.tls import client_tls

_WIDE = 200
"""Columns of what nobody watches: for `grep` and the like, a row is a line."""


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True)


class VoiceRow(_Row):
    """A voice, and where it is (remote, cached, loading, resident) by worker address."""

    name: str
    engine: str
    languages: list[str]
    sample_rate_hz: int
    license: str
    workers: dict[str, str]

    @property
    def is_at_hand(self) -> bool:
        return any(where != "remote" for where in self.workers.values())

    @property
    def where(self) -> str:
        """In words: once where all workers agree."""
        if len(states := set(self.workers.values())) == 1:
            return states.pop()
        return ", ".join(f"{state} at {address}" for address, state in self.workers.items())


class WorkerVoicesRow(_Row):
    """A worker's word on itself."""

    address: str
    kind: Literal["tts", "asr"]
    engine: str
    device: str
    version: str
    slots: int
    in_flight: int
    queue_depth: int
    draining: bool
    memory_mb: float
    uptime_s: float
    resident: list[str]


class ChangeRow(_Row):
    """What one worker did with a voice; `load_s` is what loading took, if it was loaded."""

    address: str
    load_s: float | None = None


class VoicesReport(_Row):
    """What `--json` prints: of the lists the one that was asked for, with those that answered."""

    voices: list[VoiceRow] | None = None
    workers: list[WorkerVoicesRow | ChangeRow] | None = None
    errors: list[str] = []


def main(argv: list[str]) -> int:
    """0 when all that was asked was done, 1 when not, 2 for a wrong configuration."""
    arguments = make_parser().parse_args(argv)
    try:
        settings = load_orchestrator()
        if arguments.action == "unload" and not arguments.force:
            _check_not_of_calls(arguments.voice, settings)
        report = asyncio.run(_run(settings, arguments.action, arguments.voice))
        code = 1 if report.errors else 0
    except (ConfigurationError, SpeechError) as error:
        report = VoicesReport(errors=[str(error)])
        code = 2 if isinstance(error, ConfigurationError) else 1
    if arguments.json:
        sys.stdout.write(report.model_dump_json(indent=2, exclude_none=True) + "\n")
    else:
        _show(report, arguments)
        for line in report.errors:
            sys.stderr.write(f"parley: {line}\n")
    return code


def _check_not_of_calls(voice: str, settings: OrchestratorSettings) -> None:
    """Raises SpeechError for the voice without which no agent is ready."""
    if voice == settings.tts.default_model:
        raise SpeechError(
            f"{voice} is the voice of calls (tts.default_model): while it is not in memory no call "
            f"is let in; --force unloads it all the same, ./run voices load {voice} brings it back"
        )


async def _run(settings: OrchestratorSettings, action: str, voice: str | None) -> VoicesReport:
    speakers = speech_discovery(settings)
    channels = Channels(client_tls(settings.tls))
    admin = WorkerAdmin(speakers, channels)
    try:
        async with speakers.watching():
            match action, voice:
                case "load", str():
                    return _changed(await admin.load(voice))
                case "unload", str():
                    return _changed(await admin.unload(voice))
                case "status", _:
                    return await _status(settings, admin, channels)
                case _:
                    return _listed(await admin.voices())
    finally:
        await channels.aclose()


def _listed(answers: Answers[tuple[pb.Voice, ...]]) -> VoicesReport:
    _check_that_one_answers(answers)
    rows: dict[str, VoiceRow] = {}
    for target, voices in answers.given.items():
        for voice in voices:
            row = rows.setdefault(
                voice.name,
                VoiceRow(
                    name=voice.name,
                    engine=voice.engine,
                    languages=list(voice.languages),
                    sample_rate_hz=voice.sample_rate_hz,
                    license=voice.license,
                    workers={},
                ),
            )
            row.workers[target] = _where(voice)
    ordered = sorted(rows.values(), key=lambda row: (not row.is_at_hand, row.name))
    return VoicesReport(voices=ordered, errors=_texts(answers.failures))


async def _status(
    settings: OrchestratorSettings, speakers: WorkerAdmin, channels: Channels
) -> VoicesReport:
    answers: dict[Literal["tts", "asr"], Answers[pb.WorkerStatus]]
    answers = {"tts": await speakers.status()}
    _check_that_one_answers(answers["tts"])
    if settings.asr.enabled:
        listeners = recognition_discovery(settings)
        async with listeners.watching():
            answers["asr"] = await WorkerAdmin(listeners, channels, "recognition").status()
        _check_that_one_answers(answers["asr"])
    rows = [
        _worker_row(target, kind, status)
        for kind, of_kind in answers.items()
        for target, status in of_kind.given.items()
    ]
    failures = [line for of_kind in answers.values() for line in _texts(of_kind.failures)]
    return VoicesReport(workers=list(rows), errors=failures)


def _changed(answers: Answers[float] | Answers[None]) -> VoicesReport:
    """What the workers that know the voice did; raises VoiceNotFoundError if none does."""
    _check_that_one_answers(answers)
    failures = {
        target: error
        for target, error in answers.failures.items()
        if not isinstance(error, VoiceNotFoundError)
    }
    if not answers.given and not failures:
        raise next(iter(answers.failures.values()))
    rows = [
        ChangeRow(address=target, load_s=None if load_s is None else round(load_s, 3))
        for target, load_s in answers.given.items()
    ]
    return VoicesReport(workers=list(rows), errors=_texts(failures))


def _check_that_one_answers(answers: Answers[Any]) -> None:
    """Raises WorkerUnavailableError where no worker is known or can be reached."""
    if all(isinstance(answer, WorkerUnavailableError) for answer in answers.by_target.values()):
        found = _texts(answers.failures)
        hint = ": ./run up starts workers" if all(f.endswith(NOBODY_LISTENS) for f in found) else ""
        raise WorkerUnavailableError(("; ".join(found) or "no speech worker is known") + hint)


def _texts(failures: dict[str, SpeechError]) -> list[str]:
    return [str(failure) for failure in failures.values()]


def _where(voice: pb.Voice) -> str:
    name = pb.VoiceResidency.Name(voice.residency)
    return name.removeprefix("VOICE_RESIDENCY_").lower()


def _worker_row(
    target: str, kind: Literal["tts", "asr"], answer: pb.WorkerStatus
) -> WorkerVoicesRow:
    return WorkerVoicesRow(
        address=target,
        kind=kind,
        engine=answer.engine,
        device=answer.device,
        version=answer.version,
        slots=answer.slots,
        in_flight=answer.in_flight,
        queue_depth=answer.queue_depth,
        draining=answer.draining,
        memory_mb=round(answer.resident_bytes / 1e6, 1),
        uptime_s=round(answer.uptime.ToTimedelta().total_seconds(), 1),
        resident=[voice.name for voice in answer.voices if _where(voice) == "resident"],
    )


def _show(report: VoicesReport, arguments: argparse.Namespace) -> None:
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDE)
    table = Table(
        box=None, pad_edge=False, padding=(0, 3, 0, 0), show_header=report.voices is not None
    )
    hidden = 0
    if report.voices:
        for heading in ("voice", "engine", "languages", "license", "where"):
            table.add_column(heading)
        for voice in report.voices:
            if not (voice.is_at_hand or arguments.all):
                hidden += 1
                continue
            languages = ", ".join(voice.languages)
            table.add_row(voice.name, voice.engine, languages, voice.license, voice.where)
    for row in report.workers or []:
        table.add_row(*_cells(row, arguments.action))
    if table.rows:
        console.print(table, highlight=False)
    if hidden:
        console.print(f"{hidden} more would be fetched when they are asked for: --all lists them")


def _cells(row: WorkerVoicesRow | ChangeRow, action: str) -> tuple[str, ...]:
    if isinstance(row, ChangeRow):
        took = f"in {row.load_s:.2f} s" if row.load_s else ""
        return row.address, f"{action}ed", took
    waiting = f", {row.queue_depth} wait" if row.queue_depth else ""
    return (
        row.address,
        row.kind,
        f"{row.engine} on {row.device}",
        f"{row.in_flight} of {row.slots} slots{waiting}",
        "draining" if row.draining else f"up {row.uptime_s:.0f} s",
        f"{row.memory_mb:.0f} MB",
        ", ".join(row.resident),
    )


def make_parser() -> CommandParser:
    parser = CommandParser(
        prog="./run voices",
        description="What the speech workers can say, and what they hold in memory.",
    )
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=False)
    listing = actions.add_parser("list", help="the voices, and where each is")
    loading = actions.add_parser("load", help="has every worker that knows the voice load it")
    unloading = actions.add_parser("unload", help="has them give its memory back")
    status = actions.add_parser("status", help="the workers: slots, load, memory, voices held")
    for action in (listing, loading, unloading, status):
        action.add_argument(
            "--json", action="store_true", default=argparse.SUPPRESS, help="one JSON document"
        )
    listing.add_argument("--all", action="store_true", help="also those not on the machine yet")
    for action in (loading, unloading):
        action.add_argument("voice", metavar="NAME")
    unloading.add_argument("--force", action="store_true", help="be it the voice of calls")
    parser.set_defaults(action="list", voice=None, all=False, force=False)
    return parser

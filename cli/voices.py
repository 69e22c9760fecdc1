"""`./run voices`: what the speech workers can say, and what they hold in memory."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Literal, TypeVar

import grpc
from pydantic import BaseModel, ConfigDict
from rich.console import Console
from rich.table import Table

from parley.discovery import Discovery
from parley.errors import (
    ConfigurationError,
    SpeechError,
    VoiceNotFoundError,
    WorkerUnavailableError,
)
from parley.rpc.v1 import recognition_pb2_grpc, synthesis_pb2_grpc
from parley.rpc.v1 import status_pb2 as pb
from parley.rpc.v1.synthesis_pb2 import ListVoicesRequest, LoadVoiceRequest, UnloadVoiceRequest
from parley.settings import OrchestratorSettings, load_orchestrator
from parley.speech.channel import NOBODY_LISTENS, Channels, as_speech_error
from parley.speech.configured import recognition_discovery, speech_discovery
from parley.tls import client_tls

ASK_TIMEOUT_S = 2.0
LOAD_TIMEOUT_S = 600.0
"""A voice that is not on the machine is fetched first."""
_WIDE = 200
"""Columns of what nobody watches: for `grep` and the like, a row is a line."""

Answer = TypeVar("Answer")


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


class WorkerRow(_Row):
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
    workers: list[WorkerRow | ChangeRow] | None = None
    errors: list[str] = []


def main(argv: list[str]) -> int:
    """0 when all that was asked was done, 1 when not, 2 for a wrong configuration."""
    arguments = _parser().parse_args(argv)
    try:
        report = asyncio.run(_run(load_orchestrator(), arguments.action, arguments.voice))
        code = 1 if report.errors else 0
    except (ConfigurationError, SpeechError) as error:
        report = VoicesReport(errors=[str(error)])
        code = 2 if isinstance(error, ConfigurationError) else 1
    if arguments.json:
        sys.stdout.write(report.model_dump_json(indent=2, exclude_none=True) + "\n")
    else:
        _show(report, arguments)
        for line in report.errors:
            sys.stderr.write(f"error: {line}\n")
    return code


async def _run(settings: OrchestratorSettings, action: str, voice: str | None) -> VoicesReport:
    speakers = speech_discovery(settings)
    channels = Channels(client_tls(settings.tls))
    try:
        async with speakers.watching():
            match action, voice:
                case "load", str():
                    return await _change(speakers, _load(channels, voice))
                case "unload", str():
                    return await _change(speakers, _unload(channels, voice))
                case "status", _:
                    return await _status(settings, speakers, channels)
                case _:
                    return await _list(speakers, channels)
    finally:
        await channels.aclose()


async def _list(speakers: Discovery, channels: Channels) -> VoicesReport:
    async def ask(target: str) -> Sequence[pb.Voice]:
        stub = synthesis_pb2_grpc.SpeechSynthesisStub(channels.to(target))
        return (await stub.ListVoices(ListVoicesRequest(), timeout=ASK_TIMEOUT_S)).voices

    answers = await _ask_each(speakers, ask)
    rows: dict[str, VoiceRow] = {}
    for target, answer in answers.items():
        for voice in [] if isinstance(answer, SpeechError) else answer:
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
    return VoicesReport(voices=ordered, errors=_failures(answers))


async def _status(
    settings: OrchestratorSettings, speakers: Discovery, channels: Channels
) -> VoicesReport:
    async def speaker(target: str) -> pb.WorkerStatus:
        stub = synthesis_pb2_grpc.SpeechSynthesisStub(channels.to(target))
        return (await stub.GetStatus(pb.GetStatusRequest(), timeout=ASK_TIMEOUT_S)).status

    async def listener(target: str) -> pb.WorkerStatus:
        stub = recognition_pb2_grpc.SpeechRecognitionStub(channels.to(target))
        return (await stub.GetStatus(pb.GetStatusRequest(), timeout=ASK_TIMEOUT_S)).status

    answers: dict[Literal["tts", "asr"], dict[str, pb.WorkerStatus | SpeechError]]
    answers = {"tts": await _ask_each(speakers, speaker)}
    if settings.asr.enabled:
        listeners = recognition_discovery(settings)
        async with listeners.watching():
            answers["asr"] = await _ask_each(listeners, listener)
    rows = [
        _worker_row(target, kind, answer)
        for kind, by_target in answers.items()
        for target, answer in by_target.items()
        if not isinstance(answer, SpeechError)
    ]
    failures = [line for by_target in answers.values() for line in _failures(by_target)]
    return VoicesReport(workers=list(rows), errors=failures)


async def _change(
    speakers: Discovery, change: Callable[[str], Awaitable[float | None]]
) -> VoicesReport:
    """Has every worker that knows the voice change it; raises VoiceNotFoundError if none does."""
    answers = await _ask_each(speakers, change)
    knowing = {t: a for t, a in answers.items() if not isinstance(a, VoiceNotFoundError)}
    if not knowing:
        raise next(answer for answer in answers.values() if isinstance(answer, SpeechError))
    rows = [
        ChangeRow(address=target, load_s=answer)
        for target, answer in knowing.items()
        if not isinstance(answer, SpeechError)
    ]
    return VoicesReport(workers=list(rows), errors=_failures(knowing))


def _load(channels: Channels, voice: str) -> Callable[[str], Awaitable[float | None]]:
    async def load(target: str) -> float:
        stub = synthesis_pb2_grpc.SpeechSynthesisStub(channels.to(target))
        answer = await stub.LoadVoice(LoadVoiceRequest(voice=voice), timeout=LOAD_TIMEOUT_S)
        return round(answer.load.ToTimedelta().total_seconds(), 3)

    return load


def _unload(channels: Channels, voice: str) -> Callable[[str], Awaitable[float | None]]:
    async def unload(target: str) -> None:
        stub = synthesis_pb2_grpc.SpeechSynthesisStub(channels.to(target))
        await stub.UnloadVoice(UnloadVoiceRequest(voice=voice), timeout=ASK_TIMEOUT_S)

    return unload


async def _ask_each(
    discovery: Discovery, ask: Callable[[str], Awaitable[Answer]]
) -> dict[str, Answer | SpeechError]:
    """The answers by address; raises WorkerUnavailableError where no worker is known."""

    async def answer(target: str) -> Answer | SpeechError:
        try:
            return await ask(target)
        except grpc.aio.AioRpcError as error:
            return as_speech_error(error, target=target)

    targets = [worker.target for worker in discovery.workers()]
    answers = await asyncio.gather(*map(answer, targets))
    if all(isinstance(answer, WorkerUnavailableError) for answer in answers):
        nobody = all(str(answer).endswith(NOBODY_LISTENS) for answer in answers)
        hint = ": ./run up starts workers" if nobody else ""
        found = "; ".join(map(str, answers)) or "no speech worker is known"
        raise WorkerUnavailableError(found + hint)
    return dict(zip(targets, answers, strict=True))


def _failures(answers: dict[str, Answer | SpeechError]) -> list[str]:
    return [str(answer) for answer in answers.values() if isinstance(answer, SpeechError)]


def _where(voice: pb.Voice) -> str:
    name = pb.VoiceResidency.Name(voice.residency)
    return name.removeprefix("VOICE_RESIDENCY_").lower()


def _worker_row(target: str, kind: Literal["tts", "asr"], answer: pb.WorkerStatus) -> WorkerRow:
    return WorkerRow(
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


def _cells(row: WorkerRow | ChangeRow, action: str) -> tuple[str, ...]:
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="run voices",
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
    parser.set_defaults(action="list", voice=None, all=False)
    return parser

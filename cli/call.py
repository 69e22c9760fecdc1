"""`./run call FILE…`: talks with the agent as a person would, and says what came of it."""

import argparse
import asyncio
import logging
import signal
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.status import Status

from caller.access import own_gateway, request_access
from caller.client import join, write_turn_recording
from caller.conversation import ANSWER_TIMEOUT_S, CallConversation, MeasuredTurn, Recording
from caller.errors import CallError
from caller.intelligibility import recognize
from caller.report import CallReport, TurnFigures
from caller.script_command import ScriptCommand, print_report
from caller.summary import turn_lines
from ops.supervisor.media_network import refuse_without_media
from parley.arguments import CommandParser
from parley.audio import Audio, read_audio
from parley.errors import AudioFileError, ConfigurationError, SpeechError, SupervisorError
from parley.program import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_MISCONFIGURED
from parley.settings import OrchestratorSettings, load_orchestrator
from parley.speech import RecognitionPool
from parley.speech.configured import recognition_pool

BETWEEN_REPLIES_S = 0.5


@dataclass(kw_only=True)
class SpokenCall:
    """A call under way: the turns so far, and where its progress is shown."""

    gateway_url: str
    voice: str
    recognizers: RecognitionPool
    language: str
    status: Status
    record: Path | None = None
    """The folder for the agent's turn-taking."""
    turns: list[MeasuredTurn] = field(default_factory=list)

    async def make(self, recordings: list[Recording]) -> None:
        """Joins a room and speaks the recordings; raises CallError where the call fails."""
        self._show("asking the gateway for a room")
        recorded = self.record is not None
        access = await request_access(self.gateway_url, voice=self.voice, record=recorded)
        self._show("joining the room")
        async with join(access) as client:
            conversation = CallConversation(client)
            self._show("hearing the greeting")
            await conversation.hear_greeting()
            for number, recording in enumerate(recordings, start=1):
                where = f"turn {number} ({recording.file})"
                self._show(f"{where}: speaking for {recording.audio.duration_s:.1f} s")
                try:
                    turn = await conversation.turn(recording)
                except CallError as error:
                    raise CallError(f"{where}: {error}") from None
                self.turns.append(turn)
                if client.model_fault is not None:
                    raise CallError(f"{where}: {client.model_fault} ./run doctor says more")
                if turn.reply is None:
                    raise CallError(f"{where}: {_unanswered(turn.report)}")
        if self.record is not None:
            write_turn_recording(client, self.record)

    async def listen_again(self) -> None:
        """Adds to the turns what recognition makes of the replies, where it can be asked."""
        async with self.recognizers as pool:
            for index, turn in enumerate(self.turns):
                if turn.reply is None:
                    continue
                self._show(f"recognizing the reply to {turn.report.file}")
                try:
                    heard = await recognize(turn.reply.audio, pool, language=self.language)
                except SpeechError as error:
                    self._note(f"replies are not recognized: {error}")
                    return
                report = turn.report.model_copy(update={"reply_asr": heard})
                self.turns[index] = replace(turn, report=report)

    def _show(self, step: str) -> None:
        self.status.update(step)
        if not self.status.console.is_terminal:
            self._note(step)

    def _note(self, line: str) -> None:
        self.status.console.print(line, markup=False, highlight=False, soft_wrap=True)


def main(argv: list[str]) -> int:
    """Runs the command; 0 only if every recording got an audible answer."""
    parser = make_parser()
    arguments = parser.parse_args(argv)
    _check_arguments(parser, arguments)
    # What it complains of arrives as CallError; its retries are nothing to read.
    logging.getLogger("livekit").setLevel(logging.CRITICAL)
    try:
        settings = load_orchestrator()
        recognizers = recognition_pool(settings)
        recordings = [Recording(file, read_audio(Path(file))) for file in arguments.files]
        _check_writable(arguments.save)
        refuse_without_media()
    except (ConfigurationError, AudioFileError, CallError, SupervisorError) as error:
        _print([], str(error), json=arguments.json)
        return EXIT_MISCONFIGURED if isinstance(error, ConfigurationError) else EXIT_FAILED
    if arguments.script is not None:
        return _run_script(arguments, settings, recognizers)
    with Console(stderr=True).status("") as status:
        call = SpokenCall(
            gateway_url=arguments.gateway or own_gateway(settings),
            voice=arguments.voice,
            recognizers=recognizers,
            language=settings.asr.language,
            status=status,
            record=arguments.record,
        )
        exit_code, problem = _run(call, recordings, arguments.save)
    _print(call.turns, problem, json=arguments.json)
    return exit_code


def _run_script(
    arguments: argparse.Namespace, settings: OrchestratorSettings, recognizers: RecognitionPool
) -> int:
    console = Console(stderr=True)
    command = ScriptCommand(
        file=arguments.script,
        keep=arguments.keep,
        gateway_url=arguments.gateway or own_gateway(settings),
        voice=arguments.voice,
        recognizers=recognizers,
        language=settings.asr.language,
        record=arguments.record,
        show=lambda line: console.print(line, markup=False, highlight=False, soft_wrap=True),
    )
    exit_code = command.run()
    if arguments.json:
        sys.stdout.write(command.report.model_dump_json(indent=2) + "\n")
    else:
        print_report(command.report)
    return exit_code


def _check_arguments(parser: CommandParser, arguments: argparse.Namespace) -> None:
    if bool(arguments.files) == (arguments.script is not None):
        parser.error("name either recordings to speak, or a conversation with --script FILE.yaml")
    if arguments.script is not None and arguments.save is not None:
        parser.error("a scripted call is kept with --keep DIR, not with --save")
    if arguments.script is None and arguments.keep is not None:
        parser.error("--keep belongs to --script; replies to recordings are kept with --save")


def _run(
    call: SpokenCall, recordings: list[Recording], save: Path | None
) -> tuple[int, str | None]:
    """The exit code, and the sentence that says what went wrong."""
    try:
        asyncio.run(_talk(call, recordings))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return EXIT_INTERRUPTED, "the call was interrupted"
    except CallError as error:
        return EXIT_FAILED, str(error)
    finally:
        problem = _save(save, [turn.reply.audio for turn in call.turns if turn.reply])
    return (EXIT_FAILED, problem) if problem else (0, None)


async def _talk(call: SpokenCall, recordings: list[Recording]) -> None:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        await call.make(recordings)
    except CallError:
        await call.listen_again()
        raise
    await call.listen_again()


def _unanswered(report: TurnFigures) -> str:
    if report.agent_transcript:
        return f"the agent answered {report.agent_transcript!r}, but nothing audible was received"
    understood = (
        f"understood {report.user_transcript!r}" if report.user_transcript else "understood nothing"
    )
    return f"the agent did not answer within {ANSWER_TIMEOUT_S:.0f} s (it {understood})"


def _check_writable(file: Path | None) -> None:
    if file is not None and not file.absolute().parent.is_dir():
        raise CallError(f"--save {file}: there is no folder {file.absolute().parent}")


def _save(file: Path | None, replies: list[Audio]) -> str | None:
    """Writes the replies one after the other; the reason where that is not possible."""
    if file is None or not replies:
        return None
    rate = replies[0].sample_rate_hz
    pause = np.zeros(round(BETWEEN_REPLIES_S * rate), dtype=np.int16)
    parts = [part for reply in replies for part in (pause, reply.samples)][1:]
    try:
        file.write_bytes(Audio(np.concatenate(parts), rate).wav())
    except OSError as error:
        return f"--save {file}: {error.strerror}"
    return None


def _print(turns: list[MeasuredTurn], error: str | None, *, json: bool) -> None:
    if json:
        report = CallReport(turns=tuple(turn.report for turn in turns), error=error)
        sys.stdout.write(report.model_dump_json(indent=2) + "\n")
        return
    for number, turn in enumerate(turns, start=1):
        sys.stdout.write(f"turn {number}  {turn.report.file}\n")
        sys.stdout.writelines(f"{line}\n" for line in turn_lines(turn.report, turn.reply))
    if error is not None:
        sys.stderr.write(f"parley: {error}\n")


def make_parser() -> CommandParser:
    parser = CommandParser(
        prog="./run call",
        description="Speaks recordings to the agent in real time, one after the other, hears the "
        "answers and measures them. Needs `./run up`.",
    )
    parser.add_argument("files", metavar="FILE", nargs="*", help="WAV or FLAC, any rate")
    parser.add_argument(
        "--save", metavar="REPLY.wav", type=Path, help="keep the replies as they were received"
    )
    parser.add_argument(
        "--script", metavar="FILE.yaml", type=Path, help="perform a scripted conversation instead"
    )
    parser.add_argument(
        "--keep",
        metavar="DIR",
        type=Path,
        help="keep both sides of a scripted call, and its events",
    )
    parser.add_argument(
        "--record",
        metavar="DIR",
        type=Path,
        help="keep what the agent's turn-taking saw and decided, for `./run replay DIR`",
    )
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    parser.add_argument("--gateway", metavar="URL", help="default: the one of the configuration")
    parser.add_argument("--voice", default="", help="default: the agent's own")
    return parser

"""`./run transcribe FILE…`: what speech recognition hears in recordings."""

import asyncio
import math
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel, ConfigDict
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from parley.arguments import CommandParser
from parley.audio import Audio, read_quiet_audio
from parley.clock import monotonic
from parley.errors import (
    AudioFileError,
    ConfigurationError,
    SpeechError,
    WorkerStalledError,
    WorkerUnavailableError,
)
from parley.settings import load_orchestrator
from parley.speech import FlushMark, RecognitionPool, RecognitionRequest, TranscriptKind
from parley.speech.configured import recognition_pool

_SAMPLE_RATE_HZ = 16000
_CHUNK_SAMPLES = _SAMPLE_RATE_HZ
_BAR_FROM_FILES = 2


class Transcription(BaseModel):
    """One entry of `transcribe --json`; without `error` it has all the others."""

    model_config = ConfigDict(frozen=True)

    file: str
    transcript: str | None = None
    audio_s: float | None = None
    latency_ms: float | None = None
    """The last of the audio handed over to its final transcript."""
    error: str | None = None


class Transcriptions(BaseModel):
    """What `transcribe --json` prints."""

    files: list[Transcription]


def main(argv: list[str]) -> int:
    """Runs the command; 0 when every file was heard, 1 when not, 2 for a wrong configuration."""
    arguments = make_parser().parse_args(argv)
    try:
        settings = load_orchestrator()
        pool = recognition_pool(settings)
    except ConfigurationError as error:
        sys.stderr.write(f"parley: {error}\n")
        return 2
    files = asyncio.run(
        _transcribe(arguments.files, pool, settings.asr.language, to_stdout=not arguments.json)
    )
    if arguments.json:
        document = Transcriptions(files=files).model_dump_json(indent=2, exclude_none=True)
        sys.stdout.write(document + "\n")
    return 1 if any(file.error is not None for file in files) else 0


async def _transcribe(
    files: list[str], pool: RecognitionPool, language: str, *, to_stdout: bool
) -> list[Transcription]:
    """Hears one file after the other, printing each as it is known."""
    done: list[Transcription] = []
    with _progress(len(files)) as progress:
        task = progress.add_task("transcribing", total=len(files))
        async with pool:
            for file in files:
                progress.update(task, description=Path(file).name)
                done.append(await _hear_file(file, pool, language))
                progress.advance(task)
                if to_stdout:
                    _print(done[-1], named=len(files) > 1)
    return done


async def _hear_file(file: str, pool: RecognitionPool, language: str) -> Transcription:
    try:
        return await _hear(file, read_quiet_audio(Path(file)), pool, language)
    except AudioFileError as error:
        return Transcription(file=file, error=str(error))
    except WorkerStalledError as error:
        return Transcription(file=file, error=f"{file}: {error}")
    except WorkerUnavailableError as error:
        return Transcription(file=file, error=f"{error}: start a worker with ./run up")
    except SpeechError as error:
        return Transcription(file=file, error=f"{file}: {error}")


async def _hear(file: str, audio: Audio, pool: RecognitionPool, language: str) -> Transcription:
    handed_over_s = 0.0

    async def sound() -> AsyncIterator[bytes | FlushMark]:
        nonlocal handed_over_s
        samples = audio.resampled(_SAMPLE_RATE_HZ).samples.astype("<i2")
        for start in range(0, len(samples), _CHUNK_SAMPLES):
            yield samples[start : start + _CHUNK_SAMPLES].tobytes()
        handed_over_s = monotonic()
        yield FlushMark(1)

    request = RecognitionRequest(
        sample_rate_hz=_SAMPLE_RATE_HZ, language=language, interim_results=False
    )
    texts = []
    heard_s = 0.0
    async for transcript in pool.recognize(request, sound(), kept_s=math.inf):
        if transcript.kind is TranscriptKind.FINAL:
            texts.append(transcript.text)
            heard_s = monotonic()
    return Transcription(
        file=file,
        transcript=" ".join(text for text in texts if text),
        audio_s=round(audio.duration_s, 3),
        latency_ms=round(1000 * (heard_s - handed_over_s), 1),
    )


@contextmanager
def _progress(count: int) -> Iterator[Progress]:
    """A bar on standard error, where somebody watches and there is something to wait for."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns,
        console=console,
        transient=True,
        disable=count < _BAR_FROM_FILES or not console.is_terminal,
    ) as progress:
        yield progress


def _print(file: Transcription, *, named: bool) -> None:
    if file.error is not None:
        sys.stderr.write(f"parley: {file.error}\n")
    else:
        text = file.transcript or "(nothing was said)"
        sys.stdout.write(f"{file.file}: {text}\n" if named else f"{text}\n")
        sys.stdout.flush()


def make_parser() -> CommandParser:
    parser = CommandParser(
        prog="./run transcribe",
        description="Prints what speech recognition hears. "
        "Needs a recognition worker (`./run up`).",
    )
    parser.add_argument("files", metavar="FILE", nargs="+", help="WAV, FLAC and the like, any rate")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    return parser

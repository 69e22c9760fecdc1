"""`./run say "text"`: speaks a text through the speech workers, without a room.

It is said as the agent would say it: by the same stretches and the same rules of spoken text.
"""

import asyncio
import re
import sys
import unicodedata
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

from cli.counting import counted
from cli.player import Player, find_player
from dialogue.text.languages import Language, get_or_english
from dialogue.text.reading import FIRST_FLUSH_WORDS, read_out
from parley.arguments import CommandParser
from parley.audio import Audio
from parley.clock import monotonic
from parley.errors import (
    ConfigurationError,
    InvalidSpeechRequestError,
    ParleyError,
    SpeechError,
    VoiceNotFoundError,
)
from parley.rpc.v1 import status_pb2 as pb
from parley.settings import load_orchestrator
from parley.speech import (
    AudioChunk,
    SpeechEvent,
    SpeechPool,
    SynthesisRequest,
    SynthesisStarted,
    SynthesisWords,
)
from parley.speech.admin import WorkerAdmin
from parley.speech.channel import NOBODY_LISTENS
from parley.speech.configured import speech_pool

MAX_CHARACTERS = 20_000
"""Some twenty minutes of speech."""
LIST_TIMEOUT_S = 1.0

_MARKUP = re.compile(r"<\s*(\?xml|!DOCTYPE|!ENTITY|speak)\b", re.IGNORECASE)


class SayReport(BaseModel):
    """What `say --json` prints; fields that were not reached are None."""

    model_config = ConfigDict(frozen=True)

    voice: str | None = None
    engine: str | None = None
    worker: str | None = None
    first_audio_ms: float | None = None
    """The request sent to the first sound received."""
    audio_s: float | None = None
    words: int | None = None
    saved: str | None = None
    error: str | None = None


def speakable(text: str) -> str:
    """The text without what is no character: lone surrogates, control characters.

    Raises InvalidSpeechRequestError for text that is too long, is markup, or has nothing to say.
    """
    if len(text) > MAX_CHARACTERS:
        raise InvalidSpeechRequestError(
            f"the text has {len(text):,} characters; say speaks at most {MAX_CHARACTERS:,} at once"
        )
    if found := _MARKUP.search(text):
        raise InvalidSpeechRequestError(
            f"the text is markup ({found[0]}…); say speaks plain text and knows no SSML"
        )
    # A pair of surrogates is a character, a lone one is none.
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")
    clean = "".join(" " if unicodedata.category(c) == "Cc" and c != "\n" else c for c in whole)
    if not any(c.isalnum() for c in clean):
        raise InvalidSpeechRequestError("the text has nothing to say: no letter and no digit")
    return clean


def spoken_texts(
    text: str, language: Language, *, first_flush_words: int = FIRST_FLUSH_WORDS
) -> list[str]:
    """What the workers get, as in a call. Raises InvalidSpeechRequestError if nothing is said."""
    stretches = read_out(text, language=language, first_flush_words=first_flush_words)
    texts = [spoken.text for spoken in stretches if spoken.words]
    if not texts:
        raise InvalidSpeechRequestError("the text has nothing to say: it is markup alone")
    return texts


def main(argv: list[str]) -> int:
    """Runs the command; 0 when the text was spoken, 1 when not, 2 for a wrong configuration."""
    arguments = make_parser().parse_args(argv)
    status = 0
    try:
        spoken, audio = _say(arguments.text, arguments.voice, arguments.save)
        if arguments.save is not None:
            arguments.save.write_bytes(audio.wav())
    except OSError as error:
        spoken, status = SayReport(error=f"--save {arguments.save}: {error.strerror}"), 1
    except ParleyError as error:
        hint = ": ./run up starts workers" if NOBODY_LISTENS in str(error) else ""
        spoken = SayReport(error=f"{error}{hint}")
        status = 2 if isinstance(error, ConfigurationError) else 1
    if arguments.json:
        sys.stdout.write(spoken.model_dump_json(indent=2) + "\n")
    elif spoken.error is not None:
        sys.stderr.write(f"parley: {spoken.error}\n")
    else:
        sys.stdout.write(
            f"{counted(spoken.words or 0, 'word')}, {spoken.audio_s:.2f} s of speech; first audio "
            f"after {spoken.first_audio_ms:.0f} ms ({spoken.voice}, {spoken.engine} on "
            f"{spoken.worker})\n"
        )
    return status


def _say(text: str, voice: str, save: Path | None) -> tuple[SayReport, Audio]:
    settings = load_orchestrator()
    texts = spoken_texts(
        speakable(text),
        get_or_english(settings.asr.language or "en"),
        first_flush_words=settings.turn.first_flush_words,
    )
    if save is not None and not save.absolute().parent.is_dir():
        raise InvalidSpeechRequestError(f"--save {save}: there is no folder {save.parent}")
    request = SynthesisRequest(voice=voice or settings.tts.default_model, speed=settings.tts.speed)
    spoken, audio = asyncio.run(_speak(speech_pool(settings), request, texts, aloud=save is None))
    return spoken.model_copy(update={"saved": str(save) if save is not None else None}), audio


async def _speak(
    pool: SpeechPool, request: SynthesisRequest, texts: list[str], *, aloud: bool
) -> tuple[SayReport, Audio]:
    async with pool:
        try:
            return await _hear(pool.synthesize(request, _each(texts)), aloud=aloud)
        except VoiceNotFoundError:
            there = await _voices(pool)
            raise VoiceNotFoundError(
                f"no speech worker has the voice {request.voice!r}{there}"
            ) from None


async def _voices(pool: SpeechPool) -> str:
    """What may be asked for instead, as the end of a sentence."""
    voices: dict[str, pb.VoiceResidency.ValueType] = {}
    admin = WorkerAdmin(pool.roster.discovery, pool.channels)
    answers = await admin.voices(timeout_s=LIST_TIMEOUT_S)
    for voice in (voice for answer in answers.given.values() for voice in answer):
        voices[voice.name] = max(voice.residency, voices.get(voice.name, voice.residency))
    ready = sorted(name for name in voices if voices[name] >= pb.VOICE_RESIDENCY_CACHED)
    more = len(voices) - len(ready)
    fetched = f", and {more} more that would be fetched first" if more else ""
    return f"; there are: {', '.join(ready)}{fetched}" if voices else ""


async def _hear(events: AsyncIterator[SpeechEvent], *, aloud: bool) -> tuple[SayReport, Audio]:
    """Takes the speech as it comes, playing it where that is wanted and possible."""
    asked_s, first_audio_s = monotonic(), None
    player: Player | None = None
    started: SynthesisStarted | None = None
    words, chunks = 0, []
    try:
        async for event in events:
            match event:
                case SynthesisStarted():
                    started = event
                    player = await _player(event.sample_rate_hz) if aloud else None
                case SynthesisWords():
                    words += len(event.words)
                case AudioChunk() if len(event.samples):
                    first_audio_s = first_audio_s or monotonic()
                    chunks.append(event.samples)
                    if player is not None:
                        await player.play(event.samples)
        if player is not None and (problem := await player.finish()):
            _note(f"{problem}: --save FILE.wav is how to hear it on this machine")
    finally:
        if player is not None:
            await player.aclose()
    if started is None or first_audio_s is None:
        raise SpeechError("the worker answered without a sound")
    audio = Audio(np.concatenate(chunks), started.sample_rate_hz)
    spoken = SayReport(
        voice=started.voice,
        engine=started.engine,
        worker=started.worker_id,
        first_audio_ms=round(1000 * (first_audio_s - asked_s), 1),
        audio_s=round(audio.duration_s, 3),
        words=words,
    )
    return spoken, audio


async def _player(sample_rate_hz: int) -> Player | None:
    command = find_player(sample_rate_hz)
    if command is None:
        _note("no player (aplay, paplay, ffplay) here: --save FILE.wav is how to hear it")
        return None
    return await Player.start(command)


async def _each(texts: list[str]) -> AsyncIterator[str]:
    for text in texts:
        yield text


def _note(line: str) -> None:
    sys.stderr.write(f"parley: {line}\n")


def make_parser() -> CommandParser:
    parser = CommandParser(
        prog="./run say",
        description="Speaks a text through the speech workers, without a room. "
        "Needs a speech worker (`./run up`).",
    )
    parser.add_argument("text", metavar="TEXT", help=f"at most {MAX_CHARACTERS:,} characters")
    parser.add_argument("--voice", metavar="V", default="", help="default: the configured voice")
    parser.add_argument("--save", metavar="OUT.wav", type=Path, help="instead of playing it")
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output")
    return parser

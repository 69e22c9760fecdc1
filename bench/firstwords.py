"""`./run bench firstwords`: where the first stretch of a reply is best cut.

The sooner it is cut, the sooner the reply sounds; but what is spoken apart has a melody of its own,
and must not be over before what follows is made. Answers are written at a model's pace, cut as the
agent cuts them, spoken by the voice, and heard by the recognizer: the words it gets wrong tell what
the cut did to them, and the silence in mid-reply whether it came too soon. Times are of the CPU,
on top of the model's own.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import jiwer
import numpy as np
import soxr
from rich.console import Console
from rich.table import Table

from bench.arguments import positive
from bench.machine import Machine
from bench.percentiles import percentile
from bench.whisper_decodes import ShortContext
from caller.plain_words import plain_words
from dialogue.text.languages.english import LANGUAGE
from dialogue.text.segmenter import ClauseSegmenter
from dialogue.text.spoken import TextSpeaker, within
from parley import models
from parley.arguments import CommandParser
from parley.settings.engines import ASR_MODELS
from workers.engines import create_asr_engine, create_tts_engine
from workers.engines.tts_engine import (
    Cancellation,
    FloatSamples,
    LoadedVoice,
    SpeechRequest,
    SpokenAudio,
    SpokenEnd,
)

VOICES = {
    "piper": "piper-en-us-joe-medium",
    "hibari": "hibari-en-us-heart",
    "kokoro": "kokoro-en-us-heart",
}
HEARING_HZ = 16_000
CHARS_A_TOKEN = 4.2
WORDS = (1, 2, 3, 4, 6, 10)
"""Of the first stretch, from which on it may be cut; the last stands for a cut at clauses only."""
ANSWERS = Path(__file__).with_name("answers.txt")
"""As an assistant speaks, one a line."""


@dataclass(frozen=True)
class _Spoken:
    """A stretch as the voice says it."""

    audio: FloatSamples
    sounds_s: float
    pause_s: float
    """After it, before the next."""
    first_audio_s: float
    whole_s: float
    """CPU time to its first audio, and to its end."""


@dataclass(frozen=True)
class FirstCut:
    """What came of one way to cut."""

    words: int
    first_words_mean: float
    """Of the stretches that came of it."""
    sounds_after_ms_p50: float
    """From the model's first token to the first audio."""
    sounds_after_ms_p95: float
    broken_off: int
    """Replies with a silence in the middle because the next stretch was not made yet."""
    gap_ms_max: float
    word_error_percent: float


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    answers = ANSWERS.read_text(encoding="utf-8").splitlines()
    name = VOICES[options.adapter]
    voice = create_tts_engine(options.adapter, threads=1).load(name, models.ensure(name))
    engine, model = create_asr_engine("moonshine", device="cpu", threads=1), ASR_MODELS["moonshine"]
    folder = models.ensure(model)
    hearing = ShortContext(folder, 1, recognizer=engine.load(model, folder))
    cuts = [_measured(voice, hearing, answers, words, options.tokens_per_s) for words in WORDS]
    document = {
        "benchmark": "firstwords",
        "machine": asdict(Machine.this()),
        "voice": name,
        "answers": len(answers),
        "tokens_per_s": options.tokens_per_s,
        "cuts": [asdict(each) for each in cuts],
    }
    if options.json:
        print(json.dumps(document))
    else:
        _print(document, cuts)
    return 0


def _measured(
    voice: LoadedVoice,
    hearing: ShortContext,
    answers: Sequence[str],
    words: int,
    tokens_per_s: float,
) -> FirstCut:
    firsts, sounds_ms, gaps_ms, told, heard = [], [], [], [], []
    for answer in answers:
        stretches = _stretches(answer, words, tokens_per_s)
        spoken = [_speak(voice, text, index) for index, (text, _) in enumerate(stretches)]
        began_s, gap_s = _played(spoken, [ready_s for _, ready_s in stretches])
        firsts.append(len(stretches[0][0].split()))
        sounds_ms.append(1000 * began_s)
        gaps_ms.append(1000 * gap_s)
        told.append(plain_words(answer))
        heard.append(plain_words(hearing.hear(_whole(spoken, voice.sample_rate_hz))))
    return FirstCut(
        words=words,
        first_words_mean=round(sum(firsts) / len(firsts), 1),
        sounds_after_ms_p50=percentile(sounds_ms, 50) or 0.0,
        sounds_after_ms_p95=percentile(sounds_ms, 95) or 0.0,
        broken_off=sum(gap > 0 for gap in gaps_ms),
        gap_ms_max=round(max(gaps_ms)),
        word_error_percent=round(100 * jiwer.process_words(told, heard).wer, 2),
    )


def _stretches(answer: str, words: int, tokens_per_s: float) -> list[tuple[str, float]]:
    """What is said, and when the model has written it, in seconds from its first token."""
    segmenter, speaker = ClauseSegmenter(words, LANGUAGE), TextSpeaker(LANGUAGE)
    cut, written = list[tuple[str, float]](), 0
    for number, word in enumerate(answer.split(" ")):
        piece = f" {word}" if number else word
        written += len(piece)
        ready_s = (written / CHARS_A_TOKEN - 1) / tokens_per_s
        cut += [(stretch, max(0.0, ready_s)) for stretch in segmenter.push(piece)]
    cut += [(stretch, ready_s) for stretch in segmenter.finish()]
    return [
        (spoken.text, ready_s)
        for stretch, ready_s in cut
        for spoken in within(speaker.speak(stretch))
        if spoken.words
    ]


def _speak(voice: LoadedVoice, text: str, index: int) -> _Spoken:
    began_s, first_s, pieces, pause_s = time.thread_time(), None, list[FloatSamples](), 0.0
    request = SpeechRequest(text=text, text_index=index, seed=1)
    for piece in voice.speak(request, Cancellation()):
        if isinstance(piece, SpokenAudio):
            first_s = first_s or time.thread_time() - began_s
            pieces.append(piece.samples)
        elif isinstance(piece, SpokenEnd):
            pause_s = piece.pause_samples / voice.sample_rate_hz
    whole_s = time.thread_time() - began_s
    audio = np.concatenate([np.empty(0, np.float32), *pieces])
    sounds_s = len(audio) / voice.sample_rate_hz
    return _Spoken(audio, sounds_s, pause_s, first_s or whole_s, whole_s)


def _played(spoken: Sequence[_Spoken], ready_s: Sequence[float]) -> tuple[float, float]:
    """When the reply begins to sound, and for how long it was silent because nothing was made."""
    free_s, ends_s, gap_s, began_s = 0.0, None, 0.0, 0.0
    for each, ready in zip(spoken, ready_s, strict=True):
        asked_s = max(free_s, ready)
        sounds_s, free_s = asked_s + each.first_audio_s, asked_s + each.whole_s
        if ends_s is None:
            began_s = ends_s = sounds_s
        gap_s += max(0.0, sounds_s - ends_s)
        ends_s = max(ends_s, sounds_s) + each.sounds_s + each.pause_s
    return began_s, gap_s


def _whole(spoken: Sequence[_Spoken], rate_hz: int) -> FloatSamples:
    parts = [
        np.append(each.audio, np.zeros(round(each.pause_s * rate_hz), np.float32))
        for each in spoken
    ]
    heard: FloatSamples = soxr.resample(np.concatenate(parts), rate_hz, HEARING_HZ)
    return np.append(heard, np.zeros(HEARING_HZ // 2, np.float32)).astype(np.float32)


def _print(document: dict[str, object], cuts: Sequence[FirstCut]) -> None:
    console = Console()
    table = Table(title=f"{document['voice']}, {document['tokens_per_s']:g} tokens/s")
    for column in ("cut from", "words", "sounds after ms", "p95", "broken off", "ms", "WER %"):
        table.add_column(column, justify="right")
    for each in cuts:
        table.add_row(
            str(each.words),
            f"{each.first_words_mean:g}",
            f"{each.sounds_after_ms_p50:.0f}",
            f"{each.sounds_after_ms_p95:.0f}",
            str(each.broken_off),
            f"{each.gap_ms_max:.0f}",
            f"{each.word_error_percent:g}",
        )
    console.print(table)


def _parser() -> CommandParser:
    parser = CommandParser(prog="./run bench firstwords", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON document, nothing else")
    parser.add_argument("--adapter", choices=VOICES, default="piper", help="the voice's engine")
    parser.add_argument(
        "--tokens-per-s", type=positive, default=20, help="how fast the model writes"
    )
    return parser

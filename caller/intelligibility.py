"""Whether received speech can be understood: what recognition makes of it, against its words."""

import asyncio
from collections.abc import AsyncIterator

import jiwer

from caller.plain_words import plain_words
from parley.audio import Audio
from parley.errors import WorkerUnavailableError
from parley.speech import FlushMark, RecognitionPool, RecognitionRequest, TranscriptKind

SAMPLE_RATE_HZ = 16_000
CHUNK_SAMPLES = 1600
TIMEOUT_S = 60.0


async def recognize(audio: Audio, pool: RecognitionPool, *, language: str) -> str:
    """The recognizer's final text of the sound; raises SpeechError subclasses."""
    request = RecognitionRequest(
        sample_rate_hz=SAMPLE_RATE_HZ, language=language, interim_results=False
    )
    finals: list[str] = []
    try:
        async with asyncio.timeout(TIMEOUT_S):
            async for transcript in pool.recognize(request, _chunks(audio)):
                if transcript.kind is TranscriptKind.FINAL:
                    finals.append(transcript.text.strip())
    except TimeoutError:
        raise WorkerUnavailableError(f"recognition took longer than {TIMEOUT_S:.0f} s") from None
    return " ".join(text for text in finals if text)


def word_error_rate(reference: str, heard: str) -> float:
    """Wrong, missing and extra words over the words of the reference, both as plain words. With
    an empty reference 0 or 1."""
    said, recognized = plain_words(reference), plain_words(heard)
    if not said:
        return float(bool(recognized))
    return float(jiwer.wer(said, recognized))


async def _chunks(audio: Audio) -> AsyncIterator[bytes | FlushMark]:
    samples = audio.resampled(SAMPLE_RATE_HZ).samples
    for start in range(0, len(samples), CHUNK_SAMPLES):
        yield samples[start : start + CHUNK_SAMPLES].astype("<i2").tobytes()
    yield FlushMark(1)

"""ElevenLabs' voices, where an operator prefers them to the speech workers.

Of its API: POST /v1/text-to-speech/VOICE/stream/with-timestamps, which answers with lines of JSON,
each with a piece of audio and where its characters sound.
"""

import base64
import binascii
import json
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import aclosing
from typing import Any, Protocol

import httpx2
import numpy as np

from parley.errors import SpeechError, WorkerUnavailableError
from parley.speech import (
    AudioChunk,
    SpeechEvent,
    SynthesisDone,
    SynthesisRequest,
    SynthesisStarted,
    SynthesisWords,
    TextSpoken,
    WordTiming,
)

MODEL = "eleven_flash_v2_5"
SAMPLE_RATE_HZ = 24000
CONNECT_TIMEOUT_S = 3.0
SILENCE_TIMEOUT_S = 10.0


class VoiceSource(Protocol):
    """Speaks; the speech workers' pool is one."""

    def synthesize(
        self,
        request: SynthesisRequest,
        texts: AsyncIterable[str],
        *,
        fallback_voice: str | None = None,
    ) -> AsyncGenerator[SpeechEvent]:
        """Speaks the texts as they come. Closing it ends the speech; raises SpeechError."""
        ...


class ElevenLabsVoices:
    """A VoiceSource. Whoever makes it closes it."""

    def __init__(self, base_url: str, api_key: str) -> None:
        self.base_url = base_url.rstrip("/")
        self._client = httpx2.AsyncClient(
            headers={"xi-api-key": api_key},
            timeout=httpx2.Timeout(SILENCE_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
        )

    async def aclose(self) -> None:
        await self._client.aclose()

    async def synthesize(
        self,
        request: SynthesisRequest,
        texts: AsyncIterable[str],
        *,
        fallback_voice: str | None = None,
    ) -> AsyncGenerator[SpeechEvent]:
        """See VoiceSource. One request a text, one after the other."""
        yield SynthesisStarted("elevenlabs", "elevenlabs", request.voice, SAMPLE_RATE_HZ, False)
        at_sample, index, said = 0, 0, ""
        async for text in texts:
            began_at = at_sample
            async with aclosing(self._lines(request, text, said)) as lines:
                async for line in lines:
                    if words := _words(line.get("alignment"), began_at):
                        yield SynthesisWords(index, words)
                    samples = _samples(line.get("audio_base64"))
                    if len(samples):
                        yield AudioChunk(samples, at_sample, index)
                        at_sample += len(samples)
            yield TextSpoken(index, at_sample)
            said, index = text, index + 1
        yield SynthesisDone(at_sample)

    async def _lines(
        self, request: SynthesisRequest, text: str, said: str
    ) -> AsyncGenerator[dict[str, Any]]:
        body = {
            "text": text,
            "model_id": MODEL,
            "previous_text": said,
            "voice_settings": {"speed": min(1.2, max(0.7, request.speed))},
        }
        url = f"{self.base_url}/v1/text-to-speech/{request.voice}/stream/with-timestamps"
        params = {"output_format": f"pcm_{SAMPLE_RATE_HZ}"}
        try:
            async with self._client.stream("POST", url, json=body, params=params) as answer:
                if answer.status_code != 200:
                    raise WorkerUnavailableError(
                        f"ElevenLabs answers with status {answer.status_code}"
                    )
                async for line in answer.aiter_lines():
                    if line.strip():
                        yield json.loads(line)
        except httpx2.HTTPError as error:
            raise WorkerUnavailableError(
                f"ElevenLabs cannot be reached: {type(error).__name__}"
            ) from None
        except ValueError:
            raise WorkerUnavailableError("ElevenLabs answers with what is no JSON") from None


def _samples(encoded: Any) -> "np.ndarray[tuple[int], np.dtype[np.int16]]":
    try:
        data = base64.b64decode(encoded or "")
    except (binascii.Error, TypeError, ValueError):
        raise SpeechError("ElevenLabs answers with audio that cannot be read") from None
    return np.frombuffer(data[: len(data) // 2 * 2], dtype="<i2")


def _words(alignment: Any, began_at: int) -> tuple[WordTiming, ...]:
    """The words of a piece, from the times of its characters in seconds."""
    if not isinstance(alignment, dict):
        return ()
    characters = alignment.get("characters") or ()
    starts = alignment.get("character_start_times_seconds") or ()
    ends = alignment.get("character_end_times_seconds") or ()
    words: list[WordTiming] = []
    word, start, end = "", 0.0, 0.0
    for character, start_s, end_s in (*zip(characters, starts, ends, strict=False), (" ", 0, 0)):
        if not str(character).isspace():
            start = start if word else float(start_s)
            word, end = word + str(character), float(end_s)
        elif word:
            words.append(WordTiming(word, began_at + _at(start), began_at + _at(end)))
            word = ""
    return tuple(words)


def _at(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE_HZ)

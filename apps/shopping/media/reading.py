"""What a recording says and a picture shows: by the media service, or here."""

import asyncio
import math
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx2

from apps.shopping.faults import TIMEOUT, UNAVAILABLE, ShoppingError, object_of, of_http
from apps.shopping.media.checking import checked
from apps.shopping.media.colors import colors_of
from apps.shopping.media.keeping import MediaKeeping
from parley.audio import Audio, read_quiet_audio
from parley.errors import AudioFileError, ConfigurationError, SpeechError, WorkerStalledError
from parley.settings import load_orchestrator
from parley.speech import FlushMark, RecognitionPool, RecognitionRequest, TranscriptKind
from parley.speech.configured import recognition_pool

_RATE_HZ = 16_000
_SERVICE = "The media service"
_RECOGNITION = "Speech recognition"
WITHIN_S = 20.0


class MediaReader:
    """Of one process; `aclose` lets the recognition workers go."""

    def __init__(self, keeping: MediaKeeping, http: httpx2.AsyncClient, service_url: str) -> None:
        self.keeping = keeping
        self._http = http
        self._url = service_url.rstrip("/")
        self._pool: RecognitionPool | None = None
        self._opened = AsyncExitStack()
        self._opening = asyncio.Lock()

    @property
    def how(self) -> str:
        """Who reads media, for `/health`."""
        return self._url or "recognition workers; colors of pictures by a local classifier"

    async def transcript(self, key: str) -> str:
        """What is said in the recording; raises ShoppingError."""
        data = await self.keeping.get(key)
        kind = await asyncio.to_thread(checked, data, "audio")
        if self._url:
            reply = await self._ask("/transcribe", data, kind)
            return str(reply.get("text") or reply.get("transcript") or "")
        try:
            async with asyncio.timeout(WITHIN_S):
                return await self._heard(data)
        except TimeoutError:
            raise ShoppingError(TIMEOUT, f"{_RECOGNITION} did not answer in time.") from None
        except WorkerStalledError as error:
            raise ShoppingError(TIMEOUT, f"{_RECOGNITION} did not answer in time.") from error
        except (SpeechError, ConfigurationError, AudioFileError) as error:
            raise ShoppingError(UNAVAILABLE, f"{_RECOGNITION} cannot be reached.") from error

    async def attributes(self, key: str) -> dict[str, Any]:
        """What the picture shows: "colors", and "category" and "brand" where the service sees
        them; raises ShoppingError."""
        data = await self.keeping.get(key)
        kind = await asyncio.to_thread(checked, data, "image")
        if self._url:
            reply = await self._ask("/extract-image-attributes", data, kind)
            found = reply.get("attributes", reply)
            known = ("colors", "category", "brand")
            return {name: found[name] for name in known if found.get(name)}
        return {"colors": await asyncio.to_thread(colors_of, data)}

    async def aclose(self) -> None:
        self._pool = None
        await self._opened.aclose()

    async def _ask(self, path: str, data: bytes, kind: str) -> dict[str, Any]:
        try:
            response = await self._http.post(
                f"{self._url}{path}",
                content=data,
                headers={"Content-Type": kind},
                timeout=WITHIN_S,
            )
        except httpx2.HTTPError as error:
            raise of_http(error, _SERVICE) from error
        return object_of(response, _SERVICE)

    async def _heard(self, data: bytes) -> str:
        pool = await self._workers()
        audio = await asyncio.to_thread(_audio_of, data)
        samples = audio.resampled(_RATE_HZ).samples.astype("<i2")

        async def sound() -> AsyncIterator[bytes | FlushMark]:
            for start in range(0, len(samples), _RATE_HZ):
                yield samples[start : start + _RATE_HZ].tobytes()
            yield FlushMark(1)

        request = RecognitionRequest(
            sample_rate_hz=_RATE_HZ,
            language=load_orchestrator().asr.language,
            interim_results=False,
        )
        texts = [
            transcript.text
            async for transcript in pool.recognize(request, sound(), kept_s=math.inf)
            if transcript.kind is TranscriptKind.FINAL
        ]
        return " ".join(text for text in texts if text)

    async def _workers(self) -> RecognitionPool:
        async with self._opening:
            if self._pool is None:
                self._pool = await self._opened.enter_async_context(
                    recognition_pool(load_orchestrator())
                )
            return self._pool


def _audio_of(data: bytes) -> Audio:
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        return read_quiet_audio(Path(file.name))

"""Parley's own recognizer and voice behind the speech half of the OpenAI API, for peers.

What they hear and speak with is the same as Parley's, through the plugins that they ship:
`POST /v1/audio/transcriptions` takes a whole recording, `POST /v1/audio/speech` answers with PCM
as it is made. Run as a process of its own: `python -m bench.peers.speech_server`.
"""

import argparse
import io
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress

import numpy as np
import soundfile
from aiohttp import web

from caller.intelligibility import recognize
from parley.audio import Audio
from parley.discovery import StaticDiscovery
from parley.speech import AudioChunk, RecognitionPool, SpeechPool, SynthesisRequest
from testkit.isolated_config import HOST

SAMPLE_RATE_HZ = 24_000
"""Of the API's `pcm`."""


class SpeechApi:
    """The two routes, over one pool each."""

    def __init__(self, speaking: SpeechPool, hearing: RecognitionPool, *, voice: str) -> None:
        self._speaking = speaking
        self._hearing = hearing
        self._voice = voice

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/v1/models", self.models)
        app.router.add_post("/v1/audio/transcriptions", self.transcribe)
        app.router.add_post("/v1/audio/speech", self.speak)

    async def models(self, _: web.Request) -> web.Response:
        """Answers once the server is ready."""
        return web.json_response({"object": "list", "data": [{"id": self._voice}]})

    async def transcribe(self, request: web.Request) -> web.Response:
        form = await request.post()
        file = form["file"]
        assert isinstance(file, web.FileField)
        samples, rate_hz = soundfile.read(io.BytesIO(file.file.read()), dtype="int16")
        audio = Audio(np.asarray(samples, np.int16), int(rate_hz))
        text = await recognize(audio, self._hearing, language="en")
        if form.get("response_format") == "text":
            return web.Response(text=text)
        return web.json_response({"text": text})

    async def speak(self, request: web.Request) -> web.StreamResponse:
        """Whatever voice is asked for, it is the agent's."""
        wish = await request.json()

        async def texts() -> AsyncIterator[str]:
            yield wish["input"]

        asked = SynthesisRequest(voice=self._voice, sample_rate_hz=SAMPLE_RATE_HZ, seed=1)
        response = web.StreamResponse(headers={"Content-Type": "audio/pcm"})
        await response.prepare(request)
        with suppress(ConnectionResetError):  # who asked may be interrupted
            async for event in self._speaking.synthesize(asked, texts()):
                if isinstance(event, AudioChunk):
                    await response.write(event.samples.astype("<i2").tobytes())
            await response.write_eof()
        return response


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--tts", required=True, metavar="HOST:PORT")
    parser.add_argument("--asr", required=True, metavar="HOST:PORT")
    parser.add_argument("--voice", required=True)
    options = parser.parse_args()
    app = web.Application(client_max_size=64 * 2**20)
    pools = AsyncExitStack()

    async def open_pools(_: web.Application) -> None:
        speaking = await pools.enter_async_context(SpeechPool(StaticDiscovery(options.tts)))
        hearing = await pools.enter_async_context(RecognitionPool(StaticDiscovery(options.asr)))
        SpeechApi(speaking, hearing, voice=options.voice).add_to(app)

    async def close_pools(_: web.Application) -> None:
        await pools.aclose()

    app.on_startup.append(open_pools)
    app.on_cleanup.append(close_pools)
    web.run_app(app, host=HOST, port=options.port, print=None)


if __name__ == "__main__":
    main()

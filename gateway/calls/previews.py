"""How a voice sounds: a short sentence in it, spoken once and kept."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from http import HTTPStatus

import numpy as np

from gateway.calls.voices import VoiceCatalog, VoiceListing
from gateway.errors import ApiError
from gateway.rate_limit import RateLimit
from parley.audio import Audio
from parley.clock import Clock, monotonic
from parley.errors import SpeechError
from parley.settings import OrchestratorSettings
from parley.speech import AudioChunk, SynthesisRequest
from parley.speech.configured import speech_pool

SPOKEN_WITHIN_S = 15.0
"""A voice that is on the worker's machine, but not in its memory, is loaded first."""
KEPT = 100
"""Previews of some 100 kB each; the one heard longest ago is made anew."""
PER_MINUTE = 30
"""Of one address."""

SENTENCES = {
    "cs": "Dobrý den, takhle zní můj hlas.",
    "da": "Hej, sådan lyder min stemme.",
    "de": "Guten Tag, so klingt meine Stimme.",
    "en": "Hello, this is how my voice sounds.",
    "es": "Hola, así suena mi voz.",
    "fi": "Hei, tältä ääneni kuulostaa.",
    "fr": "Bonjour, voici ma voix.",
    "it": "Buongiorno, questa è la mia voce.",
    "nl": "Hallo, zo klinkt mijn stem.",
    "no": "Hei, slik høres stemmen min ut.",
    "pl": "Dzień dobry, tak brzmi mój głos.",
    "pt": "Olá, é assim que soa a minha voz.",
    "ru": "Здравствуйте, так звучит мой голос.",
    "sv": "Hej, så här låter min röst.",
    "uk": "Добрий день, так звучить мій голос.",
}
"""What is said in a language; in any other, the English."""


def sentence(voice: VoiceListing) -> str:
    language = voice.languages[0] if voice.languages else ""
    return SENTENCES.get(language.replace("_", "-").partition("-")[0].lower(), SENTENCES["en"])


class VoicePreviews:
    """Of the voices in `catalog`; they are spoken one after the other, so that no more than one
    slot of a worker is taken from calls."""

    def __init__(
        self, settings: OrchestratorSettings, catalog: VoiceCatalog, *, clock: Clock = monotonic
    ) -> None:
        self._settings = settings
        self._catalog = catalog
        self._limit = RateLimit(per_minute=PER_MINUTE, clock=clock)
        self._speaking = asyncio.Lock()
        self._kept: OrderedDict[str, bytes] = OrderedDict()

    async def wav(self, voice: str, *, address: str) -> bytes:
        """The preview as a WAV file, for a client at `address`.

        Raises ApiError where there is no such voice, where it would have to be fetched first, or
        where this address asks too often; SpeechError where it cannot be spoken now.
        """
        if (wait_s := self._limit.retry_after_s(address)) is not None:
            message = f"too many previews for this address; try again in {wait_s} s"
            raise ApiError(
                HTTPStatus.TOO_MANY_REQUESTS, "rate_limited", message, retry_after_s=wait_s
            )
        listing = await self._listed(voice)
        async with self._speaking:
            wav = self._kept.pop(voice, None) or await self._spoken(listing)
            self._kept[voice] = wav
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return wav

    async def _listed(self, name: str) -> VoiceListing:
        for listing in await self._catalog.voices():
            if listing.name == name:
                if listing.ready:
                    return listing
                message = "this voice is fetched when a call first speaks in it"
                raise ApiError(HTTPStatus.CONFLICT, "voice_not_ready", message)
        raise ApiError(HTTPStatus.NOT_FOUND, "unknown_voice", "there is no such voice")

    async def _spoken(self, voice: VoiceListing) -> bytes:
        request = SynthesisRequest(voice=voice.name, sample_rate_hz=voice.sample_rate_hz)
        chunks = []
        try:
            async with asyncio.timeout(SPOKEN_WITHIN_S), speech_pool(self._settings) as pool:
                async for event in pool.synthesize(request, _once(sentence(voice))):
                    if isinstance(event, AudioChunk):
                        chunks.append(event.samples)
        except TimeoutError as error:
            raise SpeechError(
                f"{voice.name} was not spoken within {SPOKEN_WITHIN_S:g} s"
            ) from error
        if not chunks:
            raise SpeechError(f"{voice.name} was spoken without a sound")
        return Audio(np.concatenate(chunks), voice.sample_rate_hz).wav()


async def _once(text: str) -> AsyncIterator[str]:
    yield text

"""The voice of one answer: text in as it is made, audio out with the times of its words."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

from dialogue.orchestration.elevenlabs import VoiceSource
from dialogue.orchestration.outputs import VoiceAudio, VoiceBegan, VoiceEnded, VoiceWords
from dialogue.text.languages import Language
from dialogue.text.segmenter import ClauseSegmenter
from dialogue.text.spoken import TextSpeaker, within
from parley.clock import Clock, monotonic
from parley.speech import (
    AudioChunk,
    SynthesisRequest,
    SynthesisStarted,
    SynthesisWords,
)

SAMPLE_RATE_HZ = 24000
FIRST_FLUSH_WORDS = 2

VoiceOutput = VoiceBegan | VoiceWords | VoiceAudio | VoiceEnded


class AnswerVoice:
    """Of one answer. `run` speaks what `say` is given, until `finish`.

    `give` takes what comes and holds it up while the client is slow: then the workers are not
    asked for more, and nothing in the middle is lost.
    """

    def __init__(
        self,
        pool: VoiceSource,
        request: SynthesisRequest,
        give: Callable[[VoiceOutput], Awaitable[None]],
        *,
        turn_number: int,
        language: Language,
        fallback_voice: str = "",
        clock: Clock = monotonic,
    ) -> None:
        self._pool = pool
        self._request = request
        self._give = give
        self._turn_number = turn_number
        self._segmenter = ClauseSegmenter(FIRST_FLUSH_WORDS, language)
        self._speaker = TextSpeaker(language)
        self._fallback_voice = fallback_voice or None
        self._clock = clock
        self._texts: asyncio.Queue[str | None] = asyncio.Queue()
        self._asked_s: float | None = None
        self.first_audio = asyncio.Event()
        self.first_audio_s: float | None = None
        """On the clock."""
        self.first_audio_ms = 0.0
        """From the first words that were given to it."""
        self.duration_s = 0.0
        """Of the audio that was given so far."""
        self.has_text = False

    def say(self, text: str) -> None:
        """The next piece of the answer."""
        self._put(self._segmenter.push(text))

    def finish(self) -> None:
        """The answer is whole."""
        self._put(self._segmenter.finish())
        self._texts.put_nowait(None)

    async def run(self) -> None:
        """Returns once all audio was given. Raises SpeechError."""
        async with aclosing(self._stretches()) as texts:
            if (first := await anext(texts, None)) is None:
                self.first_audio.set()
                return
            async with aclosing(
                self._pool.synthesize(
                    self._request, _chained(first, texts), fallback_voice=self._fallback_voice
                )
            ) as events:
                async for event in events:
                    match event:
                        case SynthesisStarted(sample_rate_hz=rate_hz):
                            await self._give(VoiceBegan(self._turn_number, rate_hz))
                        case SynthesisWords(words=words):
                            times = [
                                (w.word, _ms(w.start_sample), _ms(w.end_sample)) for w in words
                            ]
                            await self._give(VoiceWords(self._turn_number, times))
                        case AudioChunk():
                            await self._audio(event)
        await self._give(VoiceEnded(self._turn_number, round(self.duration_s * 1000)))

    async def _audio(self, chunk: AudioChunk) -> None:
        if self.first_audio_s is None:
            self.first_audio_s = self._clock()
            self.first_audio_ms = (self.first_audio_s - (self._asked_s or 0.0)) * 1000
            self.first_audio.set()
        samples = chunk.samples.astype("<i2")
        await self._give(VoiceAudio(self._turn_number, samples.tobytes()))
        self.duration_s = (chunk.sample_offset + len(samples)) / SAMPLE_RATE_HZ

    def _put(self, stretches: list[str]) -> None:
        for stretch in stretches:
            for spoken in within(self._speaker.speak(stretch)):
                if spoken.words:
                    self.has_text = True
                    if self._asked_s is None:
                        self._asked_s = self._clock()
                    self._texts.put_nowait(spoken.text)

    async def _stretches(self) -> AsyncGenerator[str]:
        while (text := await self._texts.get()) is not None:
            yield text


async def _chained(first: str, rest: AsyncGenerator[str]) -> AsyncGenerator[str]:
    yield first
    async for text in rest:
        yield text


def _ms(sample: int) -> int:
    return round(sample * 1000 / SAMPLE_RATE_HZ)

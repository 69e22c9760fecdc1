"""How far an utterance has come, and what another worker has to do to finish it.

A reproducible voice goes on at the very sample; any other at the word that was being spoken, so
that no word is lost and at most one is heard twice.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace

import numpy as np

from parley.audio import Samples
from parley.speech.replay_buffer import ReplayBuffer
from parley.speech.synthesis.client import (
    AudioChunk,
    SpeechEvent,
    SynthesisDone,
    SynthesisRequest,
    SynthesisStarted,
    SynthesisWords,
    TextSpoken,
    WordTiming,
)

WORD_SPOKEN_S = 0.04
"""A word with less than this left counts as spoken: the rest of it is its decay."""
FADE_S = 0.01


@dataclass(frozen=True)
class Resumption:
    """What the next call is asked: texts from `first_text` on, the first without `skip_words`."""

    request: SynthesisRequest
    first_text: int = 0
    skip_words: int = 0
    base_sample: int = 0
    """Where the call's sample 0 stands in the utterance."""

    async def texts(self, replay: ReplayBuffer[str]) -> AsyncGenerator[str]:
        skip_words = self.skip_words
        async for text in replay.read(self.first_text):
            yield " ".join(text.split()[skip_words:]) if skip_words else text
            skip_words = 0


@dataclass
class Utterance:
    """Follows the events of one call after the other and passes on each sample once.

    Words of a text are passed on again, with new times, where another voice or worker speaks
    the rest of it.
    """

    request: SynthesisRequest
    started: SynthesisStarted | None = field(default=None, init=False)
    received_samples: int = field(default=0, init=False)
    _now: Resumption = field(init=False)
    _fade_in: bool = field(default=False, init=False)
    _words: dict[int, tuple[WordTiming, ...]] = field(default_factory=dict, init=False)
    _spoken_texts: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        self.received_samples = self.request.start_offset_samples
        self._now = Resumption(self.request)

    @property
    def received_s(self) -> float:
        """Audio received so far; 0 before the first."""
        if self.started is None:
            return 0.0
        received = self.received_samples - self.request.start_offset_samples
        return received / self.started.sample_rate_hz

    @property
    def spoken_texts(self) -> int:
        """How many texts have been spoken to their ends."""
        return self._spoken_texts

    def resume(self, *, voice: str | None = None) -> Resumption:
        """What the next call has to do; a new `voice` begins at the text that was cut."""
        request = replace(self._now.request, voice=voice or self._now.request.voice)
        if self.started is None:
            self._now = Resumption(request)
            return self._now
        request = replace(request, sample_rate_hz=self.started.sample_rate_hz)
        if voice is None and self.started.reproducible and not self._now.base_sample:
            self._now = Resumption(replace(request, start_offset_samples=self.received_samples))
        else:
            self._now = Resumption(
                replace(request, start_offset_samples=0),
                first_text=self._spoken_texts,
                skip_words=0 if voice else self._spoken_words(self._spoken_texts),
                base_sample=self.received_samples,
            )
            self._fade_in = True
        return self._now

    def accept(self, event: SpeechEvent) -> SpeechEvent | None:
        """The event in the utterance's own counting; None for what has been passed on before."""
        match event:
            case SynthesisStarted():
                first, self.started = self.started is None, event
                return event if first else None
            case SynthesisWords():
                return self._accept_words(event)
            case AudioChunk():
                return self._accept_audio(event)
            case TextSpoken():
                spoken = self._now.first_text + event.text_index
                if spoken < self._spoken_texts:
                    return None
                self._spoken_texts = spoken + 1
                return TextSpoken(spoken, self._now.base_sample + event.end_sample)
            case SynthesisDone():
                return SynthesisDone(self._now.base_sample + event.total_samples)

    def _accept_words(self, event: SynthesisWords) -> SynthesisWords | None:
        index, base = self._now.first_text + event.text_index, self._now.base_sample
        known = self._words.get(index, ())
        if known and not base:
            return None
        kept = known[: self._now.skip_words] if event.text_index == 0 else ()
        moved = tuple(
            replace(w, start_sample=w.start_sample + base, end_sample=w.end_sample + base)
            for w in event.words
        )
        self._words[index] = kept + moved
        return SynthesisWords(index, self._words[index])

    def _accept_audio(self, event: AudioChunk) -> AudioChunk | None:
        offset = self._now.base_sample + event.sample_offset
        samples = event.samples[max(0, self.received_samples - offset) :]
        if not len(samples):
            return None
        offset = max(offset, self.received_samples)
        if self._fade_in and self.started is not None:
            samples = _faded_in(samples, int(FADE_S * self.started.sample_rate_hz))
            self._fade_in = False
        self.received_samples = offset + len(samples)
        return AudioChunk(samples, offset, self._now.first_text + event.text_index)

    def _spoken_words(self, text_index: int) -> int:
        """How many words of the text are wholly in the audio received."""
        if self.started is None:
            return 0
        heard = self.received_samples + int(WORD_SPOKEN_S * self.started.sample_rate_hz)
        return sum(word.end_sample <= heard for word in self._words.get(text_index, ()))


def _faded_in(samples: Samples, length: int) -> Samples:
    length = min(length, len(samples))
    faded = samples.copy()
    faded[:length] = (samples[:length] * np.linspace(0.0, 1.0, length)).astype(np.int16)
    return faded

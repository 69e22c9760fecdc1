"""One text on its way through the network: what is encoded, timed and decoded when."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import onnxruntime

from workers.engines.chunk_bounds import chunk_bounds
from workers.engines.kokoro.decoding import CHUNK_FRAMES, SMALLEST_LAST_FRAMES, FadingChunks
from workers.engines.kokoro.network import HOP_SAMPLES, SAMPLE_RATE_HZ, EncodedSpeech, KokoroNetwork
from workers.engines.kokoro.phonemes import EnglishPhonemizer, Ids
from workers.engines.kokoro.styles import Styles
from workers.engines.loudness import Loudness
from workers.engines.tts_engine import (
    FloatSamples,
    SpeechPiece,
    SpeechRequest,
    SpokenAudio,
    SpokenEnd,
    SpokenWord,
    SpokenWords,
)
from workers.engines.whole import silence_at_start
from workers.engines.word_spans import timed_words

_LEAD_FRAMES = 3
"""The first sound begins at most so long before the frames of its id."""
_TAIL_FRAMES = 3
"""The last sound fades for so long after its own."""


@dataclass(frozen=True)
class Character:
    """What makes a voice of the network: its styles, how it reads and its level."""

    styles: Styles
    phonemizer: EnglishPhonemizer
    loudness: Loudness


@dataclass(frozen=True)
class _Plan:
    """An encoded sentence: `id_frames[i]` is where id i begins, `bounds` part it into chunks."""

    encoded: EncodedSpeech
    id_frames: Ids
    bounds: tuple[int, ...]


class KokoroSpeech:
    """Speaks one text; `pieces` is to be read once, and `options` end a run of the graph."""

    def __init__(
        self,
        network: KokoroNetwork,
        character: Character,
        request: SpeechRequest,
        options: onnxruntime.RunOptions,
    ) -> None:
        self._network = network
        self._character = character
        self._request = request
        self._options = options
        self._sentences = character.phonemizer.sentences(request.text)
        self._words = character.phonemizer.place_words(request.text, self._sentences)

    def pieces(self) -> Iterator[SpeechPiece]:
        """As `LoadedVoice.speak` gives them, sentence by sentence."""
        origin, pause_frames = 0, 0
        for number in range(len(self._sentences)):
            plan = self._plan(number)
            decoding = FadingChunks(self._network, plan.encoded, plan.bounds, options=self._options)
            opening = None
            if number == 0:
                opening = self._sound(decoding, 0)
                origin = -plan.bounds[0] * HOP_SAMPLES
                if not self._request.keep_lead:
                    origin -= silence_at_start(opening, SAMPLE_RATE_HZ)
            if words := self._timed_words(number, plan, origin):
                yield SpokenWords(words)
            yield from self._audio(plan, decoding, origin, opening)
            origin += plan.bounds[-1] * HOP_SAMPLES
            pause_frames = plan.encoded.frames - plan.bounds[-1]
        yield SpokenEnd(origin, pause_frames * HOP_SAMPLES)

    def _plan(self, number: int) -> _Plan:
        sentence = self._sentences[number]
        encoded = self._network.encode(
            sentence.ids,
            style=self._character.styles[len(sentence.ids) - 3],
            speed=self._request.speed,
            options=self._options,
        )
        id_frames = np.concatenate([[0], np.cumsum(encoded.durations)])
        first, last = sentence.sounds
        lead = int(id_frames[sentence.id_spans[first][0]])
        start = 0 if number or self._request.keep_lead else max(0, lead - _LEAD_FRAMES)
        end = encoded.frames
        if number == len(self._sentences) - 1:
            end = min(end, int(id_frames[sentence.id_spans[last - 1][1]]) + _TAIL_FRAMES)
        bounds = chunk_bounds(
            start, lead, end, sizes=CHUNK_FRAMES, smallest_last=SMALLEST_LAST_FRAMES
        )
        return _Plan(encoded, id_frames, bounds)

    def _sound(self, decoding: FadingChunks, index: int) -> FloatSamples:
        return self._character.loudness.apply(decoding.chunk(index))

    def _timed_words(self, number: int, plan: _Plan, origin: int) -> tuple[SpokenWord, ...]:
        """The words of a sentence that begins at `origin`."""
        return tuple(
            timed_words(
                (word for word in self._words if word.sentence == number),
                self._sentences[number].id_spans,
                plan.id_frames,
                end_frame=plan.bounds[-1],
                origin=origin,
                hop_samples=HOP_SAMPLES,
            )
        )

    def _audio(
        self, plan: _Plan, decoding: FadingChunks, origin: int, opening: FloatSamples | None
    ) -> Iterator[SpokenAudio]:
        for index, (low, high) in enumerate(pairwise(plan.bounds)):
            if origin + high * HOP_SAMPLES <= self._request.from_sample:
                continue
            first = opening if index == 0 else None
            samples = self._sound(decoding, index) if first is None else first
            start = origin + low * HOP_SAMPLES
            yield SpokenAudio(max(0, start), samples[max(0, -start) :])

"""One text on its way through the stages: what is encoded, timed and decoded when."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import onnxruntime

from workers.engines.chunk_bounds import chunk_bounds
from workers.engines.piper.cutting import CutVoice
from workers.engines.piper.phonemes import Phonemizer
from workers.engines.piper.stages import ChunkedDecoding, Encoded, Ids, Noise, Stages
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

CHUNK_FRAMES = (12, 24, 48, 96, 128)
"""Sizes of a sentence's chunks, the last one repeated: each is decoded while the one before it
sounds, with time to spare on a busy core."""

_SMALLEST_LAST_FRAMES = 24
_LEAD_FRAMES = 4
"""The first sound begins at most so long before the tokens of silence end."""
_TAIL_FRAMES = 2


@dataclass(frozen=True)
class _Plan:
    """An encoded sentence: `id_frames[i]` is where id i begins, `bounds` part it into chunks."""

    number: int
    encoded: Encoded
    id_frames: Ids
    bounds: tuple[int, ...]


class Speaking:
    """Speaks one text; `pieces` is to be read once, and `options` end a run of the graph."""

    def __init__(
        self,
        stages: Stages,
        cut: CutVoice,
        phonemizer: Phonemizer,
        request: SpeechRequest,
        options: onnxruntime.RunOptions,
    ) -> None:
        self._stages = stages
        self._cut = cut
        self._request = request
        self._options = options
        self._sample_rate_hz = phonemizer.config.sample_rate
        self._prosody = phonemizer.prosody(speed=request.speed)
        self._sentences = phonemizer.sentences(request.text)
        self._words = phonemizer.place_words(request.text, self._sentences)
        self._hop = cut.seams.hop_samples

    def pieces(self) -> Iterator[SpeechPiece]:
        """As `LoadedVoice.speak` gives them."""
        if not self._sentences:
            yield SpokenEnd(0, 0)
            return
        plans = deque(self._plan(number) for number in range(len(self._sentences)))
        decoding = self._decoding(plans[0])
        opening = self._cut.loudness.apply(decoding.chunk(0))
        origin = -plans[0].bounds[0] * self._hop
        if not self._request.keep_lead:
            origin -= silence_at_start(opening, self._sample_rate_hz)
        yield self._timed_words(plans, origin)
        while plans:
            plan = plans.popleft()  # let go of: a long text's latents are large
            if plan.number:
                yield from self._audio(plan, self._decoding(plan), origin)
            else:
                yield from self._audio(plan, decoding, origin, opening)
            origin += plan.bounds[-1] * self._hop
        yield SpokenEnd(origin, (plan.encoded.frames - plan.bounds[-1]) * self._hop)

    def _plan(self, number: int) -> _Plan:
        request, sentence = self._request, self._sentences[number]
        encoded = self._stages.encode(
            sentence.ids,
            prosody=self._prosody,
            noise=Noise((request.seed, request.text_index, number)),
            options=self._options,
        )
        id_frames = np.concatenate([[0], np.cumsum(encoded.durations)])
        first, last = sentence.sounds
        lead = int(id_frames[sentence.id_spans[first][0]])
        start = 0 if number or request.keep_lead else max(0, lead - _LEAD_FRAMES)
        end = encoded.frames
        if number == len(self._sentences) - 1:
            end = min(end, int(id_frames[sentence.id_spans[last - 1][1]]) + _TAIL_FRAMES)
        bounds = chunk_bounds(
            start, lead, end, sizes=CHUNK_FRAMES, smallest_last=_SMALLEST_LAST_FRAMES
        )
        return _Plan(number, encoded, id_frames, bounds)

    def _decoding(self, plan: _Plan) -> ChunkedDecoding:
        return ChunkedDecoding(
            self._stages,
            plan.encoded,
            plan.bounds,
            margins=self._cut.margins,
            options=self._options,
        )

    def _timed_words(self, plans: Iterable[_Plan], origin: int) -> SpokenWords:
        """The words of the sentences, the first of which begins at `origin`."""
        timed: list[SpokenWord] = []
        for plan in plans:
            timed += timed_words(
                (word for word in self._words if word.sentence == plan.number),
                self._sentences[plan.number].id_spans,
                plan.id_frames,
                end_frame=plan.bounds[-1],
                origin=origin,
                hop_samples=self._hop,
            )
            origin += plan.bounds[-1] * self._hop
        return SpokenWords(tuple(timed))

    def _audio(
        self,
        plan: _Plan,
        decoding: ChunkedDecoding,
        origin: int,
        opening: FloatSamples | None = None,
    ) -> Iterator[SpokenAudio]:
        for index, (low, high) in enumerate(pairwise(plan.bounds)):
            if origin + high * self._hop <= self._request.from_sample:
                continue
            if index == 0 and opening is not None:
                samples = opening
            else:
                samples = self._cut.loudness.apply(decoding.chunk(index))
            start = origin + low * self._hop
            yield SpokenAudio(max(0, start), samples[max(0, -start) :])

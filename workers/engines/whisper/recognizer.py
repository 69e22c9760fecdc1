"""Whisper with a context as long as the speech, not 30 s.

The encoder and the decoder's attention then see a quarter of the positions for a usual sentence
and take a quarter of the time. Padding below 4 s makes the decoder loop; timestamps, a limit on
tokens by duration and guards.py catch what is left, and further attempts see more context.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from ctranslate2 import StorageView
from faster_whisper.tokenizer import Tokenizer

from workers.engines.asr_engine import (
    NOTHING_SAID,
    SAMPLE_RATE_HZ,
    DecodeAbandonedError,
    DecodedText,
    DecodeRequest,
    Draft,
    EngineError,
    FloatSamples,
)
from workers.engines.repetition import is_loop
from workers.engines.whisper.alignment import align
from workers.engines.whisper.device import load_model
from workers.engines.whisper.guards import is_noise
from workers.engines.whisper.output import Output
from workers.engines.whisper.rest import MOST_RESTS, joined, rest_from_s, rest_of
from workers.engines.whisper.segments import segments, within

LONGEST_REQUEST_S = 30.0
_FRAME_SAMPLES = 320  # the encoder makes one position of two feature frames of 10 ms


@dataclass(frozen=True)
class DecodeAttempt:
    """One way to decode: silence added after the sound, and how the tokens are searched."""

    padding_s: float
    beam_size: int = 1
    temperature: float = 0.0


ATTEMPTS = (
    DecodeAttempt(padding_s=5.0),
    DecodeAttempt(padding_s=10.0, beam_size=5),
    DecodeAttempt(padding_s=LONGEST_REQUEST_S, beam_size=5),
    DecodeAttempt(padding_s=LONGEST_REQUEST_S, temperature=0.4),
)
"""Taken one after the other as long as the drafts loop, or Whisper is unsure of them."""

_UNSURE_LOG_PROB = -1.0  # as in OpenAI's own decoding

_TOKENS_PER_S = 9  # twice the fastest speech
_LEAST_TOKENS = 12
_MOST_TOKENS = 224  # half of the decoder's context, as in OpenAI's own decoding
_MOST_HINT_TOKENS = 100


class WhisperRecognizer:
    """One loaded model; `decode` blocks and belongs in one thread at a time."""

    def __init__(
        self,
        folder: Path,
        *,
        device: str = "cpu",
        threads: int = 2,
        ways: Sequence[DecodeAttempt] = ATTEMPTS,
    ) -> None:
        """Raises ConfigurationError and ModelError, see `device.load_model`."""
        self.ways = tuple(ways)
        self._model = load_model(folder, device=device, threads=threads)
        self._tokenizer = lru_cache(maxsize=None)(self._make_tokenizer)

    largest_batch = 4

    @property
    def attempts(self) -> int:
        return len(self.ways)

    @property
    def device(self) -> str:
        return str(self._model.model.device)

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages it can be told to hear, as ISO 639 codes."""
        return tuple(self._model.supported_languages)

    def decode(
        self,
        requests: Sequence[DecodeRequest],
        *,
        attempt: int = 0,
        abandoned: Callable[[], bool] = lambda: False,
    ) -> list[Draft]:
        """See `Recognizer.decode`; `abandoned` is asked between encoder and decoder."""
        way = self.ways[attempt]
        try:
            outputs = self._outputs(requests, way, abandoned)
            self._hear_rests(requests, outputs, way, abandoned)
        except (RuntimeError, ValueError) as error:
            raise EngineError(f"whisper failed: {error}") from error
        return [
            Draft(NOTHING_SAID)
            if output is None
            else Draft(output.decoded, output.loops, unsure=output.log_prob < _UNSURE_LOG_PROB)
            for output in outputs
        ]

    def _outputs(
        self, requests: Sequence[DecodeRequest], way: DecodeAttempt, abandoned: Callable[[], bool]
    ) -> list[Output | None]:
        """What is heard in each; None for noise."""
        tokenizer = self._tokenizer(requests[0].language)
        encoded = self._encode([each.samples for each in requests], way.padding_s)
        if abandoned():
            raise DecodeAbandonedError
        outputs = self._generate(encoded, requests, tokenizer, way)
        if any(each.word_times for each in requests):
            outputs = align(self._model, tokenizer, encoded, requests, outputs)
        return [
            None if is_noise(request, output) else output
            for request, output in zip(requests, outputs, strict=True)
        ]

    def _hear_rests(
        self,
        requests: Sequence[DecodeRequest],
        outputs: list[Output | None],
        way: DecodeAttempt,
        abandoned: Callable[[], bool],
    ) -> None:
        """Decodes what was left out as one batch after the other, and adds it to the outputs."""
        for _ in range(MOST_RESTS):
            left = [
                (number, output, from_s)
                for number, output in enumerate(outputs)
                if output is not None
                and (from_s := rest_from_s(requests[number], output)) is not None
            ]
            if not left:
                return
            rests = [rest_of(requests[number], from_s) for number, _, from_s in left]
            heard = self._outputs(rests, way, abandoned)
            for (number, output, from_s), rest in zip(left, heard, strict=True):
                outputs[number] = (
                    replace(output, heard_until_s=None)
                    if rest is None
                    else joined(output, rest, from_s)
                )

    def _encode(self, sounds: Sequence[FloatSamples], padding_s: float) -> StorageView:
        longest = max(map(len, sounds)) + round(padding_s * SAMPLE_RATE_HZ)
        length = min(longest, round(LONGEST_REQUEST_S * SAMPLE_RATE_HZ))
        length -= length % -_FRAME_SAMPLES
        features = [
            self._model.feature_extractor(np.pad(sound[:length], (0, length - len(sound))), 0)
            for sound in sounds
        ]
        batch = np.ascontiguousarray(np.stack(features), dtype=np.float32)
        return self._model.model.encode(StorageView.from_array(batch))

    def _generate(
        self,
        encoded: StorageView,
        requests: Sequence[DecodeRequest],
        tokenizer: Tokenizer,
        way: DecodeAttempt,
    ) -> list[Output]:
        prompt = [*_hint_tokens(tokenizer, requests[0].hints), *tokenizer.sot_sequence]
        longest_s = max(each.duration_s for each in requests)
        limit = min(_MOST_TOKENS, _LEAST_TOKENS + round(_TOKENS_PER_S * longest_s))
        sampling: dict[str, Any] = (
            {"sampling_topk": 0, "sampling_temperature": way.temperature} if way.temperature else {}
        )
        results = self._model.model.generate(
            encoded,
            [prompt] * len(requests),
            beam_size=way.beam_size,
            max_length=max(2 * limit, limit + len(prompt)),  # it takes half, or less the prompt
            return_scores=True,
            return_no_speech_prob=True,
            **sampling,
        )
        return [
            _output(
                tokenizer,
                result.sequences_ids[0],
                score=result.scores[0],
                no_speech=result.no_speech_prob,
                duration_s=each.duration_s,
                limit=limit,
            )
            for each, result in zip(requests, results, strict=True)
        ]

    def _make_tokenizer(self, language: str) -> Tokenizer:
        return Tokenizer(
            self._model.hf_tokenizer,
            self._model.model.is_multilingual,
            task="transcribe",
            language=language,
        )


def _hint_tokens(tokenizer: Tokenizer, hints: str) -> list[int]:
    """Hints stand where Whisper expects the text that came before."""
    if not hints:
        return []
    return [tokenizer.sot_prev, *tokenizer.encode(f" {hints}")[:_MOST_HINT_TOKENS]]


def _output(
    tokenizer: Tokenizer,
    tokens: Sequence[int],
    *,
    score: float,
    no_speech: float,
    duration_s: float,
    limit: int,
) -> Output:
    found = segments(tokens, end_token=tokenizer.eot, first_timestamp=tokenizer.timestamp_begin)
    kept = within(found, duration_s)
    text_tokens = [token for segment in kept for token in segment.tokens]
    text = tokenizer.decode(text_tokens).strip()
    log_prob = score * len(tokens) / (len(tokens) + 1)  # the end counts as a token, too
    cut_off = len(tokens) >= limit and len(kept) == len(found)
    decoded = DecodedText(text, float(np.exp(log_prob))) if text else NOTHING_SAID
    return Output(
        decoded,
        tokens=tuple(text_tokens),
        log_prob=log_prob,
        no_speech=no_speech,
        loops=cut_off or is_loop(text_tokens, text),
        heard_until_s=kept[-1].end_s if kept else None,
    )

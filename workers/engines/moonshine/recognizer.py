"""Moonshine behind the Recognizer protocol: greedy decoding, guarded, begun from what is known.

The cost follows the length of the sound, so that nothing is padded; sounds of several speakers
gain nothing from one batch and are decoded one after the other. What was heard of the same sound
when it was shorter is the draft of the next decode (network.py).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from workers.engines.asr_engine import (
    NOTHING_SAID,
    SAMPLE_RATE_HZ,
    DecodeAbandonedError,
    DecodedText,
    DecodedWord,
    DecodeRequest,
    Draft,
    EngineError,
    FloatSamples,
)
from workers.engines.moonshine.guards import is_mistrusted, is_noise, most_tokens
from workers.engines.moonshine.network import Decoding, Network, Tensor
from workers.engines.moonshine.vocabulary import END, Vocabulary
from workers.engines.moonshine.word_times import timed_words
from workers.engines.repetition import is_loop

LANGUAGE = "en"
_LOOKED_AT_EVERY = 8
"""Tokens after which it looks whether it loops."""
_REPEATED_TOKENS = 4


@dataclass(frozen=True)
class MoonshineAttempt:
    """One way to decode: silence added after the sound (before it words get lost), and what is
    not to be written."""

    silence_s: float = 0.0
    says_something: bool = False
    repeats: bool = True


ATTEMPTS = (
    MoonshineAttempt(),
    MoonshineAttempt(silence_s=0.5, says_something=True),
    MoonshineAttempt(silence_s=0.5, says_something=True, repeats=False),
)
"""Taken one after the other as long as the drafts are not to be trusted."""


class MoonshineRecognizer:
    """One loaded model; `decode` blocks and belongs in one thread at a time."""

    device = "cpu"
    languages = (LANGUAGE,)
    largest_batch = 1

    def __init__(
        self,
        network: Network,
        vocabulary: Vocabulary,
        *,
        ways: Sequence[MoonshineAttempt] = ATTEMPTS,
    ) -> None:
        self.ways = tuple(ways)
        self._network = network
        self._vocabulary = vocabulary

    @property
    def attempts(self) -> int:
        return len(self.ways)

    def decode(
        self,
        requests: Sequence[DecodeRequest],
        *,
        attempt: int = 0,
        abandoned: Callable[[], bool] = lambda: False,
    ) -> list[Draft]:
        """See `Recognizer.decode`; `abandoned` is asked between encoder and decoder, and after
        each token."""
        try:
            return [self._draft(request, self.ways[attempt], abandoned) for request in requests]
        except DecodeAbandonedError:
            raise
        except Exception as error:  # onnxruntime raises what it likes
            raise EngineError(f"moonshine failed: {error}") from error

    def _draft(
        self, request: DecodeRequest, way: MoonshineAttempt, abandoned: Callable[[], bool]
    ) -> Draft:
        encoded = self._network.encode(_with_silence(request.samples, way.silence_s))
        if abandoned():
            raise DecodeAbandonedError
        decoding = self._decode(encoded, request, way, abandoned)
        text = self._vocabulary.text(decoding.tokens)
        if is_noise(request, decoding, text):
            return Draft(NOTHING_SAID)
        words = self._words(encoded, decoding, request) if request.word_times else ()
        decoded = DecodedText(text, decoding.probability if text else 1.0, words, decoding.tokens)
        return Draft(decoded, loops=is_mistrusted(request, decoding, text))

    def _decode(
        self,
        encoded: Tensor,
        request: DecodeRequest,
        way: MoonshineAttempt,
        abandoned: Callable[[], bool],
    ) -> Decoding:
        draft = request.earlier.tokens if request.earlier is not None else ()
        limit = most_tokens(request.duration_s)
        tokens: list[int] = []
        log_probs: list[float] = []
        choices = self._network.tokens(encoded, draft, choose=_choice(way))
        for token, log_prob in choices:
            log_probs.append(log_prob)
            if token == END:
                return Decoding(tuple(tokens), tuple(log_probs), ended=True)
            tokens.append(token)
            if len(tokens) >= limit:
                break
            if abandoned():
                raise DecodeAbandonedError
            if len(tokens) % _LOOKED_AT_EVERY == 0 and is_loop(tokens, ""):
                break
        return Decoding(tuple(tokens), tuple(log_probs), ended=False)

    def _words(
        self, encoded: Tensor, decoding: Decoding, request: DecodeRequest
    ) -> tuple[DecodedWord, ...]:
        return timed_words(
            self._vocabulary,
            decoding.tokens,
            decoding.log_probs,
            self._network.attention(encoded, decoding.tokens),
            duration_s=request.duration_s,
        )


def _with_silence(samples: FloatSamples, silence_s: float) -> FloatSamples:
    return np.pad(samples, (0, round(silence_s * SAMPLE_RATE_HZ))) if silence_s else samples


def _choice(way: MoonshineAttempt) -> Callable[[Sequence[int], Tensor], int]:
    """The most probable token of those that this way of decoding allows."""

    def choose(written: Sequence[int], scores: Tensor) -> int:
        if not written and way.says_something:
            scores = scores.copy()
            scores[END] = -np.inf
        token = int(scores.argmax())
        while not way.repeats and _is_repeat(written, token):
            scores = scores.copy()
            scores[token] = -np.inf
            token = int(scores.argmax())
        return token

    return choose


def _is_repeat(written: Sequence[int], token: int) -> bool:
    """Whether the last tokens with this one were written before."""
    last = [*written[-_REPEATED_TOKENS + 1 :], token]
    if token == END or len(last) < _REPEATED_TOKENS:
        return False
    starts = range(len(written) - _REPEATED_TOKENS + 1)
    return any(list(written[at : at + _REPEATED_TOKENS]) == last for at in starts)

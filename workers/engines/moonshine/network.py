"""The three graphs as onnxruntime sessions: encode sound, then tokens one after the other.

A draft makes decoding short: tokens that are likely to come (those of the same sound when it was
shorter) are judged in one pass, which costs hardly more than one step, and those that the network
would have written itself are kept; after another word it goes on with the rest of the draft. The
result is what decoding without a draft gives.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from workers.engines.asr_engine import FloatSamples
from workers.engines.moonshine.graphs import ATTENTION, ENCODER, FIRST, STEP
from workers.engines.moonshine.vocabulary import START
from workers.engines.onnx_session import open_session

FRAME_SAMPLES = 384
"""The encoder makes one position of so many samples."""
LEAST_SAMPLES = 1024
"""The encoder's convolutions need so many."""

Tensor = npt.NDArray[np.float32]
_Judge = Callable[[Sequence[int], Tensor], int]

_MOST_PASSES = 3
_WORTH_A_PASS = 6
"""Tokens left of a draft for which a pass over all takes less time than steps."""
_ALIKE_TOKENS = 2
_SHIFTS = (0, 1, -1, 2, -2, 3, -3)


@dataclass(frozen=True)
class Decoding:
    """`log_probs` are those of the tokens and, where `ended`, of the end after them."""

    tokens: tuple[int, ...]
    log_probs: tuple[float, ...]
    ended: bool

    @property
    def log_prob(self) -> float:
        """The mean."""
        return float(np.mean(self.log_probs))

    @property
    def probability(self) -> float:
        """The geometric mean, 0 to 1."""
        return float(np.exp(self.log_prob))


class GraphSession(Protocol):
    """What is used of an onnxruntime session."""

    def run(self, output_names: Sequence[str] | None, input_feed: Mapping[str, Any]) -> Any: ...

    def get_inputs(self) -> Sequence[Any]: ...

    def get_outputs(self) -> Sequence[Any]: ...


class Network:
    """One loaded model; its methods block."""

    def __init__(self, encoder: GraphSession, first: GraphSession, step: GraphSession) -> None:
        self._encoder, self._first, self._step = encoder, first, step
        names = [output.name for output in first.get_outputs()]
        self._attentions = [name for name in names if name.startswith(ATTENTION)]
        self._passed = [name for name in names if not name.startswith(ATTENTION)]
        self._carried = [each.name for each in step.get_inputs() if each.name.startswith("past_")]
        self._own = [number for number, name in enumerate(self._carried) if ".decoder." in name]
        """Those of the carried tensors that grow with the tokens; the others are the sound's."""

    @classmethod
    def load(cls, folder: Path, *, threads: int) -> Self:
        """The graphs in `folder`, each decode on `threads` threads."""
        encoder, first, step = (
            open_session(folder / name, threads=threads) for name in (ENCODER, FIRST, STEP)
        )
        return cls(encoder, first, step)

    def encode(self, samples: FloatSamples) -> Tensor:
        """The sound as the decoder sees it, shape [1, frames, features]."""
        short = max(0, LEAST_SAMPLES - len(samples))
        sound = np.pad(samples, (0, short)) if short else samples
        encoded: Tensor = self._encoder.run(None, {"input_values": sound[np.newaxis]})[0]
        return encoded

    def tokens(
        self, encoded: Tensor, draft: Sequence[int] = (), *, choose: _Judge | None = None
    ) -> Iterator[tuple[int, float]]:
        """The most probable tokens and their log probabilities, one after the other up to the
        end, which is given as well. `choose` picks another than the most probable: it is given
        the tokens so far and the scores of the next."""
        choose = choose or _most_probable
        written: list[int] = []
        rest = tuple(draft)
        for _ in range(_MOST_PASSES):
            judged = len(written)
            feed = {
                "input_ids": np.array([[START, *written, *rest]], np.int64),
                "encoder_hidden_states": encoded,
            }
            logits, *made = self._first.run(self._passed, feed)
            for position in range(len(rest) + 1):
                scores = logits[0, judged + position]
                token = choose(written, scores)
                yield token, _log_prob(scores, token)
                written.append(token)
                if position == len(rest) or token != rest[position]:
                    break
            carried: dict[str, Any] = dict(zip(self._carried, made, strict=True))
            for number in self._own:
                name = self._carried[number]
                carried[name] = carried[name][:, :, : len(written)]
            rest = ()
            while len(rest) < _WORTH_A_PASS:
                yield self._take_step(written, carried, choose)
                rest = rest_of(draft, written)
        while True:
            yield self._take_step(written, carried, choose)

    def _take_step(
        self, written: list[int], carried: dict[str, Any], choose: _Judge
    ) -> tuple[int, float]:
        """The next token and its log probability; it is in `written`, and `carried` goes on."""
        feed = {"input_ids": np.array([[written[-1]]], np.int64), **carried}
        logits, *grown = self._step.run(None, feed)
        for number, tensor in zip(self._own, grown, strict=True):
            carried[self._carried[number]] = tensor
        scores = logits[0, -1]
        token = choose(written, scores)
        written.append(token)
        return token, _log_prob(scores, token)

    def attention(self, encoded: Tensor, tokens: Sequence[int]) -> Tensor:
        """How each token (and the end after them) looked at the sound: [layers, heads, tokens
        + 1, frames], sums of 1 over the frames."""
        feed = {
            "input_ids": np.array([[START, *tokens]], np.int64),
            "encoder_hidden_states": encoded,
        }
        return np.concatenate(self._first.run(self._attentions, feed))


def rest_of(draft: Sequence[int], written: Sequence[int]) -> tuple[int, ...]:
    """What of the draft is still to come where the last tokens are in it, near where they were
    written: a comma more or less leaves the rest as it was."""
    last = tuple(written[-_ALIKE_TOKENS:])
    if len(last) < _ALIKE_TOKENS:
        return ()
    for shift in _SHIFTS:
        end = len(written) + shift
        if end >= _ALIKE_TOKENS and tuple(draft[end - _ALIKE_TOKENS : end]) == last:
            return tuple(draft[end:])
    return ()


def _most_probable(written: Sequence[int], scores: Tensor) -> int:
    return int(scores.argmax())


def _log_prob(scores: Tensor, token: int) -> float:
    highest = scores.max()
    return float(scores[token] - highest - np.log(np.exp(scores - highest).sum()))

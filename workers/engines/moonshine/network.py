"""The three graphs as onnxruntime sessions: encode sound, then tokens one after the other.

A draft makes decoding short: tokens that are likely to come (those of the same sound when it was
shorter) are judged in one pass, which costs hardly more than one step, and those that the network
would have written itself are kept. The result is what decoding without a draft gives.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from workers.engines.asr_engine import FloatSamples
from workers.engines.moonshine.graphs import ATTENTION, ENCODER, FIRST, STEP
from workers.engines.moonshine.vocabulary import START

FRAME_SAMPLES = 384
"""The encoder makes one position of so many samples."""
LEAST_SAMPLES = 1024
"""The encoder's convolutions need so many."""

Tensor = npt.NDArray[np.float32]
_Judge = Callable[[Sequence[int], Tensor], int]


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


class Network:
    """One loaded model; its methods block."""

    def __init__(self, folder: Path, *, threads: int) -> None:
        self._encoder = _session(folder / ENCODER, threads)
        self._first = _session(folder / FIRST, threads)
        self._step = _session(folder / STEP, threads)
        names = [output.name for output in self._first.get_outputs()]
        self._attentions = [name for name in names if name.startswith(ATTENTION)]
        self._passed = [name for name in names if not name.startswith(ATTENTION)]
        self._carried = [
            each.name for each in self._step.get_inputs() if each.name.startswith("past_")
        ]
        self._own = [number for number, name in enumerate(self._carried) if ".decoder." in name]
        """Those of the carried tensors that grow with the tokens; the others are the sound's."""

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
        feed = {
            "input_ids": np.array([[START, *draft]], np.int64),
            "encoder_hidden_states": encoded,
        }
        logits, *made = self._first.run(self._passed, feed)
        carried: dict[str, Any] = dict(zip(self._carried, made, strict=True))
        written: list[int] = []
        for position in range(len(draft) + 1):
            scores = logits[0, position]
            token = choose(written, scores)
            yield token, _log_prob(scores, token)
            written.append(token)
            if position == len(draft) or token != draft[position]:
                break
        for number in self._own:
            name = self._carried[number]
            carried[name] = carried[name][:, :, : len(written)]
        while True:
            feed = {"input_ids": np.array([[written[-1]]], np.int64), **carried}
            logits, *grown = self._step.run(None, feed)
            for number, tensor in zip(self._own, grown, strict=True):
                carried[self._carried[number]] = tensor
            token = choose(written, logits[0, -1])
            yield token, _log_prob(logits[0, -1], token)
            written.append(token)

    def attention(self, encoded: Tensor, tokens: Sequence[int]) -> Tensor:
        """How each token (and the end after them) looked at the sound: [layers, heads, tokens
        + 1, frames], sums of 1 over the frames."""
        feed = {
            "input_ids": np.array([[START, *tokens]], np.int64),
            "encoder_hidden_states": encoded,
        }
        return np.concatenate(self._first.run(self._attentions, feed))


def _most_probable(written: Sequence[int], scores: Tensor) -> int:
    return int(scores.argmax())


def _log_prob(scores: Tensor, token: int) -> float:
    highest = scores.max()
    return float(scores[token] - highest - np.log(np.exp(scores - highest).sum()))


def _session(file: Path, threads: int) -> onnxruntime.InferenceSession:
    """A CPU session whose threads sleep while idle."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Every sound has a shape of its own: remembering a memory plan for each would only grow.
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])

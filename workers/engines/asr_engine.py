"""What a recognition engine and a loaded recognizer are to the worker.

The worker knows when somebody speaks and which sound is worth a decode; a recognizer turns that
sound into text. Times are seconds, sound is mono float32 at 16 kHz with full scale at ±1.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from parley.models import ModelSpec
from workers.engines.engine import EngineError, FloatSamples, manifest_models

__all__ = [
    "NOTHING_SAID",
    "SAMPLE_RATE_HZ",
    "AsrEngine",
    "DecodeAbandonedError",
    "DecodeRequest",
    "DecodedText",
    "DecodedWord",
    "Draft",
    "EngineError",
    "FloatSamples",
    "Recognizer",
    "manifest_models",
]

SAMPLE_RATE_HZ = 16000


class DecodeAbandonedError(Exception):
    """Raised inside a decode that something more urgent waits for."""


@dataclass(frozen=True, kw_only=True)
class DecodeRequest:
    """Sound to decode: `samples` of at most 30 s at 16 kHz, speech with little silence around it.

    `voice` is how sure the worker is that somebody speaks in it, 0 to 1; `language` is one of
    `Recognizer.languages`. An engine that knows no hints (names and terms to expect, separated
    by commas) ignores them. `voiced_until_s` is where the last voice ends; None: not known.
    `earlier` is what was decoded of the same sound when it was shorter, where it was: an engine
    may begin from it, and gives the text of the whole all the same.
    """

    samples: FloatSamples
    voice: float
    language: str
    hints: str = ""
    word_times: bool = False
    voiced_until_s: float | None = None
    earlier: "DecodedText | None" = None

    @property
    def duration_s(self) -> float:
        return len(self.samples) / SAMPLE_RATE_HZ


@dataclass(frozen=True)
class DecodedWord:
    """A word with its punctuation; times count from the first sample of the request."""

    word: str
    start_s: float
    end_s: float
    confidence: float


@dataclass(frozen=True)
class DecodedText:
    """What was said: `text` is empty when nothing was, `confidence` is between 0 and 1.

    `words` are there when the request asked for `word_times` and the engine has them; joined by
    spaces they are the text. `tokens` are the engine's own: it finds them again in
    `DecodeRequest.earlier`.
    """

    text: str
    confidence: float
    words: tuple[DecodedWord, ...] = ()
    tokens: tuple[int, ...] = ()


NOTHING_SAID = DecodedText("", 1.0)


@dataclass(frozen=True)
class Draft:
    """What one attempt at a request made.

    `loops` says that the engine mistrusts it: the text repeats itself or did not come to an end.
    The worker then asks for the next attempt, where there is one. `unsure` says that it is
    improbable as a whole: the worker asks for a few more, and takes the one of the highest
    confidence.
    """

    decoded: DecodedText
    loops: bool = False
    unsure: bool = False


class Recognizer(Protocol):
    """A recognition model in memory."""

    @property
    def device(self) -> str:
        """Where it computes, as status shows it: "cpu", "cuda"."""
        ...

    @property
    def languages(self) -> tuple[str, ...]:
        """What it can be told to listen for, as ISO 639 codes ("en"); the first is used to warm
        it up."""
        ...

    @property
    def attempts(self) -> int:
        """How many ways of decoding it has, at least 1: see `Draft`."""
        ...

    @property
    def largest_batch(self) -> int:
        """How many requests it decodes together in less time than one after the other; 1: none,
        and those that wait are not kept waiting for each other."""
        ...

    def decode(
        self, requests: Sequence[DecodeRequest], *, attempt: int, abandoned: Callable[[], bool]
    ) -> Sequence[Draft]:
        """A draft for each request, in their order, made in the way `attempt` (from 0).

        Blocks. The worker calls it in one thread, one call at a time, with at most
        `largest_batch` requests (and four) of the same language and hints and of similar length.
        Where a decode takes long it asks `abandoned` now and then, which may be called from that
        thread only, and raises DecodeAbandonedError if it says so. Text made out of noise is the
        engine's to drop: it gives NOTHING_SAID. Raises EngineError when it fails.
        """
        ...


class AsrEngine(Protocol):
    """Loads the recognition models of one kind.

    The worker makes it by `Engine(device=..., threads=...)`: `device` is what the settings wish
    for (auto, cpu or cuda), `threads` the CPU threads of one decode.
    """

    @property
    def name(self) -> str: ...

    @property
    def word_times(self) -> bool:
        """Whether all transcripts shall have word times, also where no client asked for them."""
        ...

    def models(self) -> Mapping[str, ModelSpec]:
        """Every model that it can load, by name; `manifest_models` gives those of the manifest."""
        ...

    def load(self, model: str, folder: Path) -> Recognizer:
        """The model whose files are in `folder`, warm: its first decode is no slower.

        Blocks, in a thread. Raises ConfigurationError for a device that is not there, ModelError
        or EngineError for files that cannot be used.
        """
        ...

"""What a synthesis engine and a loaded voice are to the worker; both block, and run in threads.

Positions are samples at the voice's own rate, counted from the start of one text; sound is mono
float32 with full scale at ±1.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar, cast

from parley.models import ModelSpec
from workers.engines.engine import EngineError, FloatSamples, manifest_models

__all__ = [
    "Cancellation",
    "EngineError",
    "FloatSamples",
    "LoadedVoice",
    "SpeechPiece",
    "SpeechRequest",
    "SpokenAudio",
    "SpokenEnd",
    "SpokenWord",
    "SpokenWords",
    "SynthesisCancelledError",
    "TtsEngine",
    "manifest_models",
]

PieceT = TypeVar("PieceT")


class SynthesisCancelledError(Exception):
    """Raised inside a synthesis that was told to stop."""


class Cancellation:
    """Tells one utterance's synthesis to stop: set from any thread, seen in the engine's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cancelled = False
        self._abort: Callable[[], None] | None = None

    @property
    def cancelled(self) -> bool:
        return self._cancelled

    def cancel(self) -> None:
        with self._lock:
            self._cancelled = True
            if self._abort is not None:
                self._abort()

    def check(self) -> None:
        """Raises SynthesisCancelledError once cancelled; call it between chunks."""
        if self._cancelled:
            raise SynthesisCancelledError

    @contextmanager
    def aborting(self, abort: Callable[[], None]) -> Iterator[None]:
        """While inside, `cancel` also calls `abort`, from its own thread and at most once.

        An exception that comes of it counts as the cancellation.
        """
        with self._lock:
            self._abort = abort
        try:
            self.check()
            yield
        except Exception as error:
            self.check()
            raise error
        finally:
            with self._lock:
                self._abort = None

    def until_cancelled(
        self, pieces: Iterator[PieceT], *, abort: Callable[[], None]
    ) -> Iterator[PieceT]:
        """The pieces; `cancel` calls `abort` where one of them is just being made, and
        SynthesisCancelledError is raised."""
        end = object()
        while True:
            with self.aborting(abort):
                piece = next(pieces, end)
            if piece is end:
                return
            yield cast("PieceT", piece)


@dataclass(frozen=True, kw_only=True)
class SpeechRequest:
    """One text of an utterance.

    `seed` and `text_index` fix all randomness. Unless `keep_lead`, silence before the first
    sound is left out. Audio before `from_sample` has been heard: it need not be made.
    """

    text: str
    text_index: int = 0
    seed: int = 0
    speed: float = 1.0
    keep_lead: bool = False
    from_sample: int = 0


@dataclass(frozen=True)
class SpokenWord:
    """A word of the text as it stands there, and where it sounds, in samples of the text."""

    word: str
    start_sample: int
    end_sample: int


@dataclass(frozen=True)
class SpokenWords:
    """Words of the text, the next ones in order; they come before the audio they begin in."""

    words: tuple[SpokenWord, ...]


@dataclass(frozen=True)
class SpokenAudio:
    """Sound at the voice's level, limited to ±1; the first sample stands at `start_sample`."""

    start_sample: int
    samples: FloatSamples


@dataclass(frozen=True)
class SpokenEnd:
    """The text's last sound ends before `end_sample`; before a next text comes the pause."""

    end_sample: int
    pause_samples: int


SpeechPiece = SpokenWords | SpokenAudio | SpokenEnd


class LoadedVoice(Protocol):
    """A voice in memory. Several threads may speak with it at once, each one text."""

    @property
    def sample_rate_hz(self) -> int: ...

    @property
    def reproducible(self) -> bool:
        """Whether the same request gives the same samples on every worker."""
        ...

    def speak(self, request: SpeechRequest, cancellation: Cancellation) -> Iterator[SpeechPiece]:
        """Speaks one text: words, audio in order, and one SpokenEnd, always the last.

        A word comes before the audio that it begins in. A text with nothing to say gives only a
        SpokenEnd. Each piece is made when it is asked for, in whatever thread asks; the iterator
        is never asked by two at once. Raises SynthesisCancelledError soon after `cancellation`,
        EngineError where the engine fails.
        """
        ...

    def close(self) -> None:
        """Gives the memory back; called once, when nobody speaks."""
        ...


class TtsEngine(Protocol):
    """Loads the voices of one kind.

    The worker makes it by `Engine(threads=...)`, the CPU threads of one text; Parley's own ones
    are also given their `settings`, where they have some.
    """

    @property
    def name(self) -> str: ...

    @property
    def device(self) -> str:
        """Where it computes, as status shows it: "cpu", "cuda"."""
        ...

    def voices(self) -> Mapping[str, ModelSpec]:
        """Every voice that it can load, by name, as they are when the worker starts;
        `manifest_models` gives those of the manifest."""
        ...

    def load(self, voice: str, folder: Path) -> LoadedVoice:
        """The voice whose files are in `folder`, warm: its first utterance is no slower.

        Blocks, in a thread; several voices may be loaded at once. Raises EngineError when the
        files cannot be used.
        """
        ...

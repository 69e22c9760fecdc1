"""Every pause of recorded turns, inside them and at their end, with what tells the two apart.

A turn is one sound file. Where its speaker paused inside it, a listener does not know yet whether
the turn has ended; after its last word it has. What the detectors and recognition make of each
pause is kept in the cache folder, under the file's own sum: measuring again costs nothing.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
from livekit.local_inference import EOT, EOT_MAX_SAMPLES, VAD, VAD_WINDOW_SAMPLES

from bench.whisper_decodes import ShortContext
from caller import measure
from caller.recordings import SPEECH, Clip, FloatSamples, read_clips
from parley import models, paths
from parley.audio import Samples
from parley.settings.worker import TURN_SOUND_MODEL
from workers.recognition.turn_sound import TurnSound

RATE_HZ = 16_000
INNER_PAUSE_S = 0.08
"""A speaker who is silent for so long inside a turn has paused."""
BELOW_SPEECH_DB = 20.0
SHORTEST_S = 0.15
"""Of what was said before a pause, and after it."""
SHORT_TURN_WORDS = 3
"""Turns of so few words are answers to a question of the agent's, unless they ask."""
SOUND_AFTER_S, LAST_AFTER_S, TEXT_AFTER_S = 0.1, 0.2, 0.16
"""Silence after which Smart Turn and v1-mini judge, and after which recognition decodes."""
VOICED = 0.3
"""Of voice activity, as barge-in takes it (FloorPolicy.voiced_probability)."""
_VERSION = 3

Split = Literal["fit", "held_out"]
FIT_SPEAKERS = frozenset(("367", "533", "1688", "1998", "2033"))
"""Readers of LibriSpeech, the first five of ten by number: those of their sentences that do not
ship with the caller."""
FIT_VOICES = frozenset(("piper-en-us-joe-medium", "af_bella", "am_michael", "bf_emma", "am_puck"))
"""Piper's, and four of Kokoro-82M; they say other sentences than the voices held out."""


@dataclass(frozen=True)
class PausePoint:
    """A pause, as a listener meets it. Probabilities are of the turn being over."""

    name: str
    speaker: str
    split: Split
    ends: bool
    """Whether it is the turn's end."""
    sound: float
    """Smart Turn's."""
    last: float
    """v1-mini's."""
    last_early: float
    """The same after as little silence as Smart Turn is given."""
    text: str
    """As recognized so far."""
    asked: bool
    """Whether the turn answers a question of the agent's."""
    detector_lag_s: float
    """From the last sound to where voice activity takes the silence to begin; may be negative."""
    synthetic: bool


def split_of(speaker: str) -> Split:
    return "fit" if speaker in FIT_SPEAKERS or speaker in FIT_VOICES else "held_out"


def ships(name: str) -> bool:
    """Whether the file is one of the caller's, which nothing is tuned on."""
    return (SPEECH / name).is_file()


class PauseReader:
    """Reads folders of turns; loads the models at the first turn that is not in the cache."""

    def __init__(self, *, model: str, threads: int = 1) -> None:
        """`model` recognizes the words."""
        self._model, self._threads = model, threads
        self._loaded: tuple[TurnSound, EOT, ShortContext] | None = None
        self._cache = paths.cache_dir() / "bench-turns"

    def read(self, folder: Path, *, on_clip: Callable[[], None] = lambda: None) -> list[PausePoint]:
        """All pauses of the clips in a folder with its `transcripts.tsv`."""
        points = []
        for clip in read_clips(folder):
            points += self._of_clip(clip)
            on_clip()
        return points

    def _of_clip(self, clip: Clip) -> list[PausePoint]:
        samples = np.round(clip.samples * 32767).astype(np.int16)
        key = hashlib.sha256(samples.tobytes() + f"{self._model} {_VERSION}".encode()).hexdigest()
        file = self._cache / f"{key[:32]}.json"
        if not file.is_file():
            file.parent.mkdir(parents=True, exist_ok=True)
            points = [asdict(point) for point in self._judged(clip, samples)]
            file.write_text(json.dumps(points), encoding="utf-8")
        rows = json.loads(file.read_text(encoding="utf-8"))
        known = {"name": clip.name, "speaker": clip.speaker, "split": split_of(clip.speaker)}
        return [PausePoint(**row | known) for row in rows]

    def _judged(self, clip: Clip, samples: Samples) -> Iterator[PausePoint]:
        sound, last, recognition = self._models()
        few = len(clip.transcript.split()) <= SHORT_TURN_WORDS
        for said, ends in pauses(samples):
            early = np.append(said, _silence(SOUND_AFTER_S))
            yield PausePoint(
                name=clip.name,
                speaker=clip.speaker,
                split=split_of(clip.speaker),
                ends=ends,
                sound=sound.finished(_full_scale(early)),
                last=last.predict(np.append(said, _silence(LAST_AFTER_S))[-EOT_MAX_SAMPLES:]),
                last_early=last.predict(early[-EOT_MAX_SAMPLES:]),
                text=recognition.hear(_full_scale(np.append(said, _silence(TEXT_AFTER_S)))),
                asked=few and not clip.transcript.endswith("?"),
                detector_lag_s=detector_lag_s(said),
                synthetic=not clip.speaker.isdigit(),
            )

    def _models(self) -> tuple[TurnSound, EOT, ShortContext]:
        if self._loaded is None:
            recognition = ShortContext(models.ensure(self._model), self._threads)
            self._loaded = TurnSound(models.ensure(TURN_SOUND_MODEL)), EOT(), recognition
        return self._loaded


def pauses(samples: Samples) -> Iterator[tuple[Samples, bool]]:
    """What was said up to each pause of a turn, and whether the turn was over then."""
    start = measure.speech_start(samples, RATE_HZ)
    said = samples[start : measure.speech_end(samples, RATE_HZ)]
    quiet_dbfs = measure.window_levels_dbfs(said, RATE_HZ)
    loud_dbfs = float(np.percentile(quiet_dbfs, 90)) - BELOW_SPEECH_DB - 5
    stretches = measure.sounds(said, RATE_HZ, loud_dbfs, gap_s=INNER_PAUSE_S)
    least = round(SHORTEST_S * RATE_HZ)
    for before, after in pairwise(stretches):
        if before.end >= least and len(said) - after.start >= least:
            yield said[: before.end], False
    yield said, True


def detector_lag_s(said: Samples) -> float:
    heard = np.append(said, _silence(0.5))
    vad, voiced_until = VAD(), 0
    for start in range(0, len(heard) - VAD_WINDOW_SAMPLES + 1, VAD_WINDOW_SAMPLES):
        if vad.predict(heard[start : start + VAD_WINDOW_SAMPLES]) >= VOICED:
            voiced_until = start + VAD_WINDOW_SAMPLES
    return round((voiced_until - len(said)) / RATE_HZ, 3)


def _silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * RATE_HZ), np.int16)


def _full_scale(samples: Samples) -> FloatSamples:
    return samples.astype(np.float32) / np.float32(32768)

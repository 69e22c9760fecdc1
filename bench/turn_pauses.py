"""Every pause of recorded turns, inside them and at their end, with what tells the two apart.

A turn is one sound file. Where its speaker paused inside it, a listener does not know yet whether
the turn has ended; after its last word it has. What the detectors and recognition make of each
pause is kept in the cache folder, under the file's own sum: measuring again costs nothing.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from livekit.local_inference import EOT, EOT_MAX_SAMPLES, VAD, VAD_WINDOW_SAMPLES

from bench.whisper_decodes import ShortContext
from caller import measure
from caller.recordings import SPEECH, Clip, FloatSamples, read_clips
from parley import models, paths
from parley.audio import Samples
from parley.settings.engines import ASR_MODELS
from parley.settings.worker import TURN_SOUND_MODEL
from workers.engines import create_asr_engine
from workers.recognition.turn_sound import TurnSound

RATE_HZ = 16_000
INNER_PAUSE_S = 0.09
"""A speaker in whom no voice is heard for so long inside a turn has paused."""
LOUD_PERCENT, BELOW_LOUD_DB = 90, 25.0
"""What is so far below a turn's loud windows is a pause."""
QUIET_PERCENT, ROOM_DBFS, SILENT_DBFS = 5, -60.0, -120.0
"""How loud the room is: as its quietest windows, which may hold faint speech, but no louder."""
SHORTEST_S = 0.2
"""Of what was said before a pause, and after it: what is shorter is a click or a breath."""
SHORT_TURN_WORDS = 3
"""Turns of so few words are answers to a question of the agent's, unless they ask."""
SOUND_AFTER_S, LAST_AFTER_S, TEXT_AFTER_S = 0.1, 0.1, 0.16
"""Silence after which Smart Turn and v1-mini judge, and after which recognition decodes."""
FRAMEWORK_AFTER_S = 0.2
"""The same of v1-mini, where the framework asks it."""
TAIL_S = {False: 0.04, True: 0.1}
"""Of the recording after the last sound, inside a turn and at its end: the breath that is there.
Then its own room goes on."""
VOICED = 0.3
"""Of voice activity, as barge-in takes it (FloorPolicy.voiced_probability)."""
_VERSION = 7

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
    """v1-mini's, asked as soon."""
    last_by_framework: float
    """The same, asked when the framework asks it."""
    text: str
    """As recognized so far, by `recognizer`."""
    asked: bool
    """Whether the turn answers a question of the agent's."""
    detector_lag_s: float
    """From the last sound to where voice activity takes the silence to begin; may be negative."""
    synthetic: bool
    recognizer: str
    """The adapter: moonshine or whisper, which punctuate differently."""


def split_of(speaker: str) -> Split:
    return "fit" if speaker in FIT_SPEAKERS or speaker in FIT_VOICES else "held_out"


def ships(name: str) -> bool:
    """Whether the file is one of the caller's, which nothing is tuned on."""
    return (SPEECH / name).is_file()


class PauseReader:
    """Reads folders of turns; loads the models at the first turn that is not in the cache."""

    def __init__(self, *, adapter: str, threads: int = 1) -> None:
        """The engine `adapter` recognizes the words, with the model that it has by itself."""
        self._adapter, self._model, self._threads = adapter, ASR_MODELS[adapter], threads
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
        known["recognizer"] = self._adapter
        return [PausePoint(**row | known) for row in rows]

    def _judged(self, clip: Clip, samples: Samples) -> Iterator[PausePoint]:
        sound, last, recognition = self._models()
        room = _Room(samples)
        few = len(clip.transcript.split()) <= SHORT_TURN_WORDS
        for pause in pauses(samples):
            heard = samples[pause.start : pause.said + round(TAIL_S[pause.ends] * RATE_HZ)]

            def after(
                silence_s: float, pause: JudgedPause = pause, heard: Samples = heard
            ) -> Samples:
                wanted = pause.said - pause.start + round(silence_s * RATE_HZ)
                return np.append(heard, room(wanted - len(heard)))

            yield PausePoint(
                name=clip.name,
                speaker=clip.speaker,
                split=split_of(clip.speaker),
                ends=pause.ends,
                sound=sound.finished(_full_scale(after(SOUND_AFTER_S))),
                last=last.predict(after(LAST_AFTER_S)[-EOT_MAX_SAMPLES:]),
                last_by_framework=last.predict(after(FRAMEWORK_AFTER_S)[-EOT_MAX_SAMPLES:]),
                text=recognition.hear(_full_scale(after(TEXT_AFTER_S))),
                asked=few and not clip.transcript.endswith("?"),
                detector_lag_s=round((pause.voiced_until - pause.said) / RATE_HZ, 3),
                synthetic=not clip.speaker.isdigit(),
                recognizer=self._adapter,
            )

    def _models(self) -> tuple[TurnSound, EOT, ShortContext]:
        if self._loaded is None:
            folder = models.ensure(self._model)
            engine = create_asr_engine(self._adapter, device="cpu", threads=self._threads)
            recognizer = engine.load(self._model, folder)
            recognition = ShortContext(folder, self._threads, recognizer=recognizer)
            self._loaded = TurnSound(models.ensure(TURN_SOUND_MODEL)), EOT(), recognition
        return self._loaded


@dataclass(frozen=True)
class JudgedPause:
    """In samples of the recording."""

    start: int
    """Of the turn."""
    said: int
    """One past the last sound before the pause."""
    voiced_until: int
    """Where voice activity takes the silence to begin."""
    ends: bool
    """Whether the turn is over."""


def pauses(samples: Samples) -> list[JudgedPause]:
    """Where voice activity hears nobody any more, for a moment or for good."""
    stretches = _voiced(samples)
    if not stretches:
        return []
    levels_dbfs = measure.window_levels_dbfs(samples, RATE_HZ)
    quiet_dbfs = float(np.percentile(levels_dbfs, LOUD_PERCENT)) - BELOW_LOUD_DB
    loud = np.flatnonzero(levels_dbfs >= quiet_dbfs)
    window = round(measure.WINDOW_S * RATE_HZ)

    def last_sound(before: int) -> int:
        sounding = loud[loud * window < before]
        return min(before, int(sounding[-1] + 1) * window) if len(sounding) else before

    return [
        JudgedPause(
            max(0, stretches[0][0] - round(TAIL_S[True] * RATE_HZ)),
            last_sound(end),
            end,
            end == stretches[-1][1],
        )
        for _, end in stretches
    ]


def _voiced(samples: Samples) -> list[tuple[int, int]]:
    """The stretches of a recording in which somebody is heard, from and to which sample."""
    vad, stretches = VAD(), list[tuple[int, int]]()
    heard = np.append(samples, np.zeros(RATE_HZ // 2, np.int16))
    for start in range(0, len(heard) - VAD_WINDOW_SAMPLES + 1, VAD_WINDOW_SAMPLES):
        end = start + VAD_WINDOW_SAMPLES
        if vad.predict(heard[start:end]) < VOICED:
            continue
        if stretches and start - stretches[-1][1] < INNER_PAUSE_S * RATE_HZ:
            stretches[-1] = stretches[-1][0], end
        else:
            stretches.append((start, end))
    return [(start, end) for start, end in stretches if end - start >= SHORTEST_S * RATE_HZ]


class _Room:
    """The noise of a recording's room, as loud as its quietest parts."""

    def __init__(self, samples: Samples) -> None:
        levels_dbfs = np.maximum(measure.window_levels_dbfs(samples, RATE_HZ), SILENT_DBFS)
        quiet_dbfs = min(float(np.percentile(levels_dbfs, QUIET_PERCENT)), ROOM_DBFS)
        self._amplitude = 32768 * 10 ** (quiet_dbfs / 20)

    def __call__(self, count: int) -> Samples:
        noise = np.random.default_rng(1).normal(0.0, self._amplitude, max(0, count))
        return noise.astype(np.int16)


def _full_scale(samples: Samples) -> FloatSamples:
    return samples.astype(np.float32) / np.float32(32768)

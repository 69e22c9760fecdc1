"""Fits what murmurs are like, by sound and by words, on the half of the floor's sounds that is
declared for it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from livekit.local_inference import VAD, VAD_WINDOW_SAMPLES

from agent.turns import overlap_weights
from agent.turns.backchannels import meaning, word_facts, words_of
from agent.turns.floor import FloorPolicy
from agent.turns.overlap_sound import (
    FEATURES,
    LEAST_WINDOWS,
    LONGEST_WINDOWS,
    RATE_HZ,
    UNKNOWN,
    Floats,
    WindowSound,
    features,
    hum_probability,
)
from agent.turns.overlap_weights import HumWeight, WordWeights
from bench.floor_offline import OfflineText
from bench.floor_sounds import FloorSound
from bench.floor_trial import over_the_agent
from dialogue.text.languages.english import LANGUAGE as ENGLISH
from parley.app.turn_policy import Meaning

LENGTHS = (6, 10, 15, 20, LONGEST_WINDOWS)
"""Each sound is learned from when so many of its windows have been heard, and at its end."""
RIDGE = 1.0
"""What keeps weights small that little speaks for: a pseudo count."""
WORDS = ("hum", "confidence", "more_words", "asking", "spelled_hum", "alike", "longer")
LEAST_SPREAD = 0.01
"""Of a feature: one that is always the same tells nothing."""
_STEPS = 40
_MARK = "# fitted\n"

Hums = Mapping[str, HumWeight]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class LearnedSound:
    """A sound of the tuned half, and what a recognizer or two made of it."""

    sound: FloorSound
    windows: Sequence[tuple[float, WindowSound]]
    """Those in which barge-in hears a voice, and when each ends, as OfflineText has it."""
    heard: Sequence[Sequence[OfflineText]]
    """By recognizer."""

    @classmethod
    def of(cls, sound: FloorSound, heard: Sequence[Sequence[OfflineText]]) -> "LearnedSound":
        vad, windows, line = VAD(), list[tuple[float, WindowSound]](), over_the_agent(sound)
        for start in range(0, len(line) - VAD_WINDOW_SAMPLES + 1, VAD_WINDOW_SAMPLES):
            window = line[start : start + VAD_WINDOW_SAMPLES]
            if vad.predict(window) >= FloorPolicy.voiced_probability:
                end_s = (start + VAD_WINDOW_SAMPLES) / RATE_HZ
                windows.append((end_s, WindowSound.of(window)))
        return cls(sound, windows, heard)

    def first(self, count: int) -> list[WindowSound]:
        return [window for _, window in self.windows[:count]]

    @property
    def speaker(self) -> str:
        """Who says it, at any pitch."""
        return self.sound.voice.partition("@")[0] or self.sound.kind


def fitted(sounds: Sequence[LearnedSound]) -> tuple[Hums, WordWeights]:
    """Both models. What sound tells the words' is that of a model that does not know the speaker:
    else it would be trusted too much. Each recognizer counts as much as another: the weights are
    for both."""
    rows, sides = list[list[float]](), list[tuple[bool, int]]()
    for speaker in sorted({each.speaker for each in sounds}):
        others = hum_weights([each for each in sounds if each.speaker != speaker])
        for each in sounds:
            if each.speaker == speaker:
                for recognizer, heard in enumerate(each.heard):
                    told = list(_word_rows(each, heard, others))
                    rows += told
                    sides += [(each.sound.wants_floor, recognizer)] * len(told)
    counts = Counter(sides)
    weight = np.array([len(sides) / len(counts) / counts[side] for side in sides])
    table = np.column_stack([np.ones(len(rows)), np.array(rows)])
    wanted = np.array([wants for wants, _ in sides])
    found = (round(value, 2) for value in _logistic(table, wanted, weight))
    words = WordWeights(**dict(zip(("bias", *WORDS), found, strict=True)))
    return hum_weights(sounds), words


def hum_weights(sounds: Iterable[LearnedSound]) -> Hums:
    """Hums count as much as all else in all; of that what wants the floor, other murmurs and noises
    the same, and each sound as much as another."""
    rows, groups, counts = list[Floats](), list[str](), list[float]()
    for each in sounds:
        lengths = sorted({min(len(each.windows), length) for length in LENGTHS})
        lengths = [length for length in lengths if length >= LEAST_WINDOWS]
        rows += [features(each.first(length)) for length in lengths]
        groups += [_group(each.sound)] * len(lengths)
        counts += [1 / len(lengths) for _ in lengths]
    heard, group, count = np.array(rows), np.array(groups), np.array(counts)
    mean, spread = heard.mean(axis=0), np.maximum(heard.std(axis=0), LEAST_SPREAD)
    weight = np.zeros(len(group))
    others = set(groups) - {"hum"}
    for name in set(groups):
        of_group = group == name
        share = 1 / len(others) if name in others else 1.0
        weight[of_group] = share * count[of_group] / count[of_group].sum()
    table = np.column_stack([np.ones(len(rows)), (heard - mean) / spread])
    bias, *found = _logistic(table, group == "hum", weight * count.sum() / 2)
    weights = {"bias": HumWeight(0.0, 1.0, round(bias, 3))}
    for name, *values in zip(FEATURES, mean, spread, found, strict=True):
        weights[name] = HumWeight(*(round(float(value), 3) for value in values))
    return weights


def write(hums: Hums, words: WordWeights) -> Path:
    """Puts them into the agent's module of weights."""
    file = Path(overlap_weights.__file__)
    head = file.read_text(encoding="utf-8").partition(_MARK)[0]
    rows = [
        f'    "{name}": HumWeight({each.mean}, {each.spread}, {each.weight}),\n'
        for name, each in hums.items()
    ]
    told = "".join(f"    {name}={value},\n" for name, value in vars(words).items())
    file.write_text(
        f"{head}{_MARK}WORDS = WordWeights(\n{told})\n"
        f"HUM: Mapping[str, HumWeight] = {{\n{''.join(rows)}}}\n",
        encoding="utf-8",
    )
    return file


def _word_rows(
    each: LearnedSound, texts: Sequence[OfflineText], hums: Hums
) -> Iterable[list[float]]:
    """Of every text that no table knows, when it came."""
    told = set[tuple[str, float]]()
    for heard in texts:
        windows = [window for end_s, window in each.windows if end_s <= heard.at_s]
        voiced_s = len(windows) * VAD_WINDOW_SAMPLES / RATE_HZ
        by_table = meaning(heard.text, confidence=1.0, voiced_s=voiced_s, over_silence=True)
        if by_table is not Meaning.TURN or (heard.text, heard.confidence) in told:
            continue
        told.add((heard.text, heard.confidence))
        hum = UNKNOWN
        if len(windows) >= LEAST_WINDOWS:
            hum = hum_probability(features(windows[:LONGEST_WINDOWS]), hums)
        words = words_of(heard.text)
        facts = word_facts(words, ENGLISH.backchannels, heard.confidence, voiced_s, hum)
        yield [facts[name] for name in WORDS]


def _group(sound: FloorSound) -> str:
    if sound.label != "backchannel":
        return sound.label
    return "hum" if sound.kind == "hum" else "backchannel"


def _logistic(rows: Floats, likes: Flags, weight: Floats) -> list[float]:
    """Logistic regression, by Newton's method; the first weight is the bias."""
    at = np.zeros(rows.shape[1])
    penalty = RIDGE * np.diag([0.0, *[1.0] * (rows.shape[1] - 1)])
    for _ in range(_STEPS):
        likely = 1 / (1 + np.exp(-np.clip(rows @ at, -30, 30)))
        slope = rows.T @ (weight * (likes - likely)) - penalty @ at
        curve = (rows * (weight * likely * (1 - likely))[:, None]).T @ rows + penalty
        at = at + np.linalg.solve(curve, slope)
    return [float(value) for value in at]

"""Fits the weights of the end of turn on the half of the turns that is declared for it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from agent.turns import end_of_turn_weights
from agent.turns.end_of_turn import evidence
from agent.turns.end_of_turn_weights import Weights
from bench.turn_pauses import PausePoint
from bench.turn_policies import pause_of

FEATURES = (
    "sound", "last", "question", "sentence", "open", "listing", "number", "answer", "ending",
)  # fmt: skip
RIDGE = 1.0
"""What keeps weights small that little speaks for: a pseudo count."""
_STEPS = 40
_MARK = "WEIGHTS: Mapping"


def fitted(points: Sequence[PausePoint]) -> dict[tuple[bool, bool], Weights]:
    """By whether Smart Turn and v1-mini are asked."""
    known = [(sound, last) for sound in (True, False) for last in (True, False)]
    return {each: _fit(points, sound=each[0], last=each[1]) for each in known}


def write(weights: dict[tuple[bool, bool], Weights]) -> Path:
    """Puts them into the agent's module of weights."""
    file = Path(end_of_turn_weights.__file__)
    head = file.read_text(encoding="utf-8").partition(_MARK)[0]
    rows = []
    for known, each in weights.items():
        values = ", ".join(f"{name}={value}" for name, value in vars(each).items() if value)
        rows.append(f"    {known}: Weights({values}),\n")
    table = f"{_MARK}[tuple[bool, bool], Weights] = {{\n{''.join(rows)}}}\n"
    note = '"""By whether Smart Turn\'s and v1-mini\'s judgement are known."""\n'
    file.write_text(head + table + note, encoding="utf-8")
    return file


def _fit(points: Sequence[PausePoint], *, sound: bool, last: bool) -> Weights:
    """Logistic regression, by Newton's method. Ends of turns and pauses in them count the same in
    all, however many there are."""
    rows = np.array([[1.0, *_features(point, sound=sound, last=last)] for point in points])
    ended = np.array([float(point.ends) for point in points])
    counts = np.where(ended, len(ended) / ended.sum(), len(ended) / (1 - ended).sum()) / 2
    at = np.zeros(rows.shape[1])
    penalty = RIDGE * np.diag([0.0, *[1.0] * len(FEATURES)])
    for _ in range(_STEPS):
        likely = 1.0 / (1.0 + np.exp(-rows @ at))
        slope = rows.T @ (counts * (ended - likely)) - penalty @ at
        curve = (rows * (counts * likely * (1 - likely))[:, None]).T @ rows + penalty
        at = at + np.linalg.solve(curve, slope)
    bias, *others = (round(float(value), 3) for value in at)
    return Weights(bias=bias, **dict(zip(FEATURES, others, strict=True)))


def _features(point: PausePoint, *, sound: bool, last: bool) -> list[float]:
    """What each weight is multiplied with, asked of the model itself."""
    pause = pause_of(point, sound=sound, last=last)
    return [evidence(pause, Weights(bias=0.0, **{name: 1.0})) for name in FEATURES]

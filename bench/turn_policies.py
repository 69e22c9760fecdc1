"""When each way of judging would end a turn, at the pauses of recorded turns, and what it is worth.

A pause inside a turn is tried at each of PAUSES_S: an answer that begins within it is a false
cut-off. Times count from the last sound, and hold voice activity's own lag, but neither the time
that recognition takes nor the way to the ear.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agent.turns.end_of_turn import (
    OPEN_S,
    WHOLE_S,
    EndOfTurnPolicy,
    TurnPause,
    looks_whole,
    probability,
    silence_needed_s,
    wants_more,
)
from agent.turns.end_of_turn_weights import Weights
from agent.turns.turn_words import TurnWordsHeard
from bench.percentiles import percentile
from bench.turn_pauses import PausePoint
from dialogue.text.languages.english import LANGUAGE

PAUSES_S = (0.3, 0.6, 1.0, 1.6)
SOON_S = (0.3, 0.5)
LONGEST_S = 2.5

Delay = Callable[[PausePoint], float]
"""The silence, as voice activity counts it, after which a turn is ended at this pause."""


@dataclass(frozen=True)
class PolicyFigures:
    """What a way of judging is worth on some turns."""

    ends: int
    pauses: int
    """Each of those inside turns counts once for each of PAUSES_S."""
    within_300_share: float
    within_500_share: float
    delay_ms_p50: float
    delay_ms_p95: float
    delay_ms_mean: float
    false_cut_off_share: float
    false_by_pause: tuple[float, ...]


def pause_of(point: PausePoint, *, sound: bool = True, last: bool = True) -> TurnPause:
    """What the agent knows of the pause; without `sound` Smart Turn is not asked, without `last`
    v1-mini is not."""
    return TurnPause(
        words=TurnWordsHeard.of(point.text, LANGUAGE.turns, asked=point.asked),
        sound=point.sound if sound else None,
        last=point.last if last else None,
    )


def together(
    likely: float,
    *,
    sound: bool = True,
    last: bool = True,
    shortest_s: float = 0.15,
    weights: Weights | None = None,
) -> Delay:
    policy = EndOfTurnPolicy(probability=likely, shortest_s=shortest_s, longest_s=LONGEST_S)
    return lambda point: silence_needed_s(
        pause_of(point, sound=sound, last=last), policy, weights=weights
    )


def detector(
    judged: Callable[[PausePoint], float], threshold: float, *, shortest_s: float
) -> Delay:
    """One detector: the short wait where it takes the turn for finished, else the long one."""
    return lambda point: shortest_s if judged(point) >= threshold else LONGEST_S


def unless_open(delay: Delay) -> Delay:
    """The same, and longer where the words want more."""
    return lambda point: max(delay(point), OPEN_S if wants_more(pause_of(point).words) else 0.0)


def unless_whole(delay: Delay) -> Delay:
    """The same, and shorter where the words look whole."""

    def shorter(point: PausePoint) -> float:
        longest_s = WHOLE_S if looks_whole(pause_of(point).words) else LONGEST_S
        return min(delay(point), longest_s)

    return shorter


def silence(wait_s: float) -> Delay:
    return lambda point: wait_s


BINS = ((0.0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1.0))


@dataclass(frozen=True)
class Calibration:
    """Pauses whose turn was said to be over with a probability from `low` to `high`."""

    low: float
    high: float
    said_mean: float | None
    was_share: float | None
    """How often it was over, where turns end as often as they pause. None: there are none."""


def calibration(points: Sequence[PausePoint]) -> list[Calibration]:
    ends = sum(point.ends for point in points)
    said = [(probability(pause_of(point)), point.ends) for point in points]
    found = []
    for low, high in BINS:
        inside = [(likely, ended) for likely, ended in said if low <= likely < high]
        was = sum(ended for _, ended in inside) / max(1, ends)
        was_not = sum(not ended for _, ended in inside) / max(1, len(points) - ends)
        found.append(
            Calibration(
                low,
                high,
                round(sum(likely for likely, _ in inside) / len(inside), 3) if inside else None,
                round(was / (was + was_not), 3) if inside else None,
            )
        )
    return found


def figures(points: Sequence[PausePoint], delay: Delay) -> PolicyFigures:
    """`points` need both kinds."""
    answered_s = [point.detector_lag_s + delay(point) for point in points if point.ends]
    answered_ms = [1000 * each for each in answered_s]
    cuts = [
        [point.detector_lag_s + delay(point) < pause_s for point in points if not point.ends]
        for pause_s in PAUSES_S
    ]
    by_pause = tuple(round(sum(each) / len(each), 4) for each in cuts)

    def within(limit_s: float) -> float:
        return round(sum(each <= limit_s for each in answered_s) / len(answered_s), 4)

    return PolicyFigures(
        ends=len(answered_s),
        pauses=len(PAUSES_S) * len(cuts[0]),
        within_300_share=within(SOON_S[0]),
        within_500_share=within(SOON_S[1]),
        delay_ms_p50=percentile(answered_ms, 50) or 0.0,
        delay_ms_p95=percentile(answered_ms, 95) or 0.0,
        delay_ms_mean=round(sum(answered_ms) / len(answered_ms)),
        false_cut_off_share=round(sum(by_pause) / len(by_pause), 4),
        false_by_pause=by_pause,
    )

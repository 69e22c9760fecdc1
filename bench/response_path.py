"""Where the time of one answer went: stages along the critical path, which sum to the whole.

An answer sounds once two things have happened: its audio is there, and the turn is over. Which
came last is what the person waited for; what else was done meanwhile cost them nothing. All times
are of one clock: agent and caller run on one machine, and the caller's is set by it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from parley.room_events import TurnEvent

Path = Literal["answer", "turn"]
"""What came last: the answer's audio, or the end of the turn."""

_ANSWER = (
    ("to the ear", "speech_ended_s"),
    ("pause noticed", "pause_noticed_s"),
    ("text", "text_s"),
    ("reply begun", "begun_s"),
    ("first token", "first_token_s"),
    ("first clause", "first_clause_s"),
    ("voice asked", "tts_asked_s"),
    ("first audio", "first_audio_s"),
)
_TURN = (("to the ear", "speech_ended_s"), ("turn ended", "turn_ended_s"))
IN_TRACK, HEARD = "in the track", "heard"
STAGES = (*(name for name, _ in _ANSWER), "turn ended", IN_TRACK, HEARD)
"""In the order of drawing; each is named after what happens at its end."""


@dataclass(frozen=True)
class AnswerPath:
    """One answer's. `stages_ms` lie one after the other from the end of speech on; `moments_ms`
    has all that is known of it, counted from there, on the path or not."""

    path: Path
    stages_ms: Mapping[str, float]
    moments_ms: Mapping[str, float]


def answer_path(event: TurnEvent, *, spoken_s: float, heard_s: float) -> AnswerPath | None:
    """Of an answer whose first audible sample was heard at `heard_s`, to speech that ended at
    `spoken_s`, both in seconds since 1970; None where the agent did not tell enough.

    What is unknown counts to the stage after it; what had happened before the end of speech, as a
    reply that was begun on a guess, takes no time.
    """
    told = event.moments
    if event.at_s is None or (told.first_audio_s is None and told.turn_ended_s is None):
        return None
    path: Path = "answer"
    if told.turn_ended_s is not None and told.turn_ended_s > (told.first_audio_s or 0.0):
        path = "turn"
    steps = [(name, getattr(told, key)) for name, key in (_TURN if path == "turn" else _ANSWER)]
    steps += [(IN_TRACK, event.at_s), (HEARD, heard_s)]
    stages, before_s = dict[str, float](), spoken_s
    for name, told_s in steps:
        if told_s is None:
            continue
        at_s = min(max(told_s, before_s), heard_s)
        stages[name] = 1000 * (at_s - before_s)
        before_s = at_s
    known = [*((name, getattr(told, key)) for name, key in (*_ANSWER, _TURN[1])), *steps[-2:]]
    moments = {name: round(1000 * (at_s - spoken_s), 1) for name, at_s in known if at_s is not None}
    return AnswerPath(path, stages, moments)


@dataclass(frozen=True)
class PathSummary:
    """Of many answers."""

    answers: int
    turn_last_share: float | None
    """Of how many the turn's end came last: what they waited for was no work."""
    mean_ms: Mapping[str, float]
    """Of each stage over all answers, 0 where it was not on the path: they sum to the mean
    response. (Medians would not.)"""
    moments_median_ms: Mapping[str, float]
    """When each thing happened after the end of speech, whether on the path or not."""


def summary(paths: Sequence[AnswerPath]) -> PathSummary:
    mean_ms = {
        stage: round(float(np.mean([path.stages_ms.get(stage, 0.0) for path in paths])), 1)
        for stage in STAGES
        if any(stage in path.stages_ms for path in paths)
    }
    moments = {
        stage: round(float(np.median(known)), 1)
        for stage in STAGES
        if (known := [path.moments_ms[stage] for path in paths if stage in path.moments_ms])
    }
    last = Counter(path.path for path in paths)
    share = round(last["turn"] / len(paths), 3) if paths else None
    return PathSummary(len(paths), share, mean_ms, moments)

"""What was played, in step with what the microphone brings."""

import numpy as np

from agent.turns.played_windows import BACKLOG_SAMPLES, CUSHION_SAMPLES, PlayedWindows
from parley.audio import Samples

WINDOW = 512


def numbered(first: int, count: int = WINDOW) -> Samples:
    return np.arange(first, first + count, dtype=np.int16)


def in_time(played: PlayedWindows, windows: range) -> list[int]:
    """The last sample of each that is compared, where each is looked at as it comes."""
    last = []
    for number in windows:
        played.push(numbered(1 + number * WINDOW))
        last.append(int(played.take(WINDOW)[-1]))
    return last


def lags(last: list[int], windows: range) -> set[int]:
    """Between what sounded last, and what of it is compared."""
    return {(number + 1) * WINDOW - sample for number, sample in zip(windows, last, strict=True)}


def test_a_queue_of_frames_is_compared_with_what_sounded_as_they_were_heard() -> None:
    played = PlayedWindows()
    in_time(played, range(10))
    played.push(numbered(1 + 10 * WINDOW, 25 * WINDOW))  # 0.8 s in which nobody looked
    queue = [int(played.take(WINDOW)[-1]) for _ in range(25)]
    assert lags(queue, range(10, 35)) == {CUSHION_SAMPLES}
    assert lags(in_time(played, range(35, 60)), range(35, 60)) == {CUSHION_SAMPLES}


def test_a_queue_that_grows_while_it_is_looked_at_is_one_too() -> None:
    played = PlayedWindows()
    in_time(played, range(5))
    played.push(numbered(1 + 5 * WINDOW, 10 * WINDOW))
    queue = [int(played.take(WINDOW)[-1]) for _ in range(4)]
    played.push(numbered(1 + 15 * WINDOW, 20 * WINDOW))
    queue += [int(played.take(WINDOW)[-1]) for _ in range(26)]
    assert lags(queue, range(5, 35)) == {CUSHION_SAMPLES}


def test_what_sounded_while_the_microphone_brought_nothing_is_left_out() -> None:
    played = PlayedWindows()
    in_time(played, range(10))
    gap = 20
    played.push(numbered(1 + 10 * WINDOW, gap * WINDOW))
    after = range(10 + gap, 50)
    behind = lags(in_time(played, after), after)
    assert max(behind) > BACKLOG_SAMPLES  # it could have been a queue
    last = range(50, 52)
    assert lags(in_time(played, last), last) == {CUSHION_SAMPLES}


def test_a_microphone_that_is_ahead_is_compared_later() -> None:
    played = PlayedWindows()
    assert not played.take(WINDOW).any()
    assert not played.take(WINDOW).any()
    windows = range(5)
    assert lags(in_time(played, windows), windows) == {0}

"""The judge of the chaos suite: it must find what was lost, said twice or held up."""

import numpy as np
import pytest

from bench.chaos.judging import (
    PlacedErrors,
    RecognizedReply,
    ReplyPause,
    WordJudge,
    longest_gap_s,
    pauses,
    placed_errors,
)
from parley.audio import Audio

RATE_HZ = 48_000


def sound(*lengths_s: float) -> Audio:
    """A tone and silence in turn, of these lengths, between half seconds of silence."""
    parts = [np.zeros(RATE_HZ // 2, np.int16)]
    for place, length_s in enumerate(lengths_s):
        times = np.arange(round(length_s * RATE_HZ)) / RATE_HZ
        level = 0 if place % 2 else 8000
        parts.append((level * np.sin(2 * np.pi * 300 * times)).astype(np.int16))
    return Audio(np.concatenate([*parts, parts[0]]), RATE_HZ)


def reply(*lengths_s: float, errors: PlacedErrors | None = None) -> RecognizedReply:
    return RecognizedReply(sound(*lengths_s), "", errors or PlacedErrors())


def test_silences_are_found_between_the_first_and_the_last_sound() -> None:
    found = pauses(sound(1.0, 0.3, 0.5, 0.05, 0.5, 0.8, 1.0))
    assert [(round(p.at_s, 1), round(p.length_s, 1)) for p in found] == [(1.0, 0.3), (2.0, 0.8)]
    assert found[1].ended_s == pytest.approx(3.15, abs=0.02)


def test_a_pause_that_the_undisturbed_reply_has_is_no_gap() -> None:
    judge = WordJudge("a b", [reply(1.0, 0.3, 1.0, 0.4, 1.0)])
    assert judge.judge(reply(1.02, 0.3, 1.02, 0.4, 1.02)).gap_s <= 0.03


def test_a_silence_within_a_word_is_a_gap_in_its_full_length() -> None:
    judge = WordJudge("a b", [reply(1.0, 0.3, 2.0, 0.4, 1.0)])
    disturbed = reply(1.0, 0.3, 1.0, 0.7, 1.0, 0.4, 1.0)
    assert judge.judge(disturbed).gap_s == pytest.approx(0.7, abs=0.03)


def test_a_longer_pause_is_a_gap_by_what_it_is_longer() -> None:
    judge = WordJudge("a b", [reply(1.0, 0.3, 1.0)])
    assert judge.judge(reply(1.0, 0.8, 1.0)).gap_s == pytest.approx(0.5, abs=0.03)


def test_a_silence_before_the_hit_is_not_its_doing() -> None:
    judge = WordJudge("a b", [reply(4.0)])
    held_up = reply(1.0, 0.6, 3.0)
    assert judge.judge(held_up).gap_s == pytest.approx(0.6, abs=0.03)
    assert judge.judge(held_up, since_s=2.0).gap_s == 0.0


def test_the_undisturbed_reply_that_explains_most_decides() -> None:
    judge = WordJudge("a b", [reply(1.0, 0.1, 1.0), reply(1.0, 0.4, 1.0)])
    assert judge.judge(reply(1.0, 0.4, 1.0)).gap_s <= 0.03


def test_lost_and_repeated_words_are_told_apart() -> None:
    script = "the water was calm and dark"
    assert placed_errors(script, "the water was calm and dark") == PlacedErrors()
    assert placed_errors(script, "the water was dark").lost == {3, 4}
    assert placed_errors(script, "the water water was calm and dark") == PlacedErrors(repeated=1)
    assert placed_errors(script, "the water was warm and dark").changed == {3}
    assert placed_errors(script, "the water sorry my voice failed").lost == {2, 3, 4, 5}
    assert placed_errors(script, "the water was oh calm and dark") == PlacedErrors()
    assert placed_errors(script, "").lost == set(range(6))


def test_what_recognition_gets_wrong_without_a_fault_too_does_not_count() -> None:
    judge = WordJudge(
        "the water was calm", [reply(1.0, errors=PlacedErrors(frozenset({1}), repeated=1))]
    )
    judged = judge.judge(reply(1.0, errors=PlacedErrors(frozenset({1, 3}), repeated=2)))
    assert judged.lost == ("calm",)
    assert judged.repeated == 1


def test_a_word_that_is_heard_as_another_is_lost_unless_an_undisturbed_reply_has_it_too() -> None:
    changed = PlacedErrors(changed=frozenset({3}))
    script = "the water was calm"
    judged = WordJudge(script, [reply(1.0)]).judge(reply(1.0, errors=changed))
    assert judged.lost == judged.changed == ("calm",)
    unclear = WordJudge(script, [reply(1.0, errors=changed)]).judge(reply(1.0, errors=changed))
    assert unclear.lost == unclear.changed == ()


def test_only_what_every_way_of_recognizing_gets_wrong_is_an_error() -> None:
    short = PlacedErrors(frozenset({1, 4}), frozenset({7, 8}), repeated=2)
    full = PlacedErrors(frozenset({5}), frozenset({8}), repeated=0)
    assert short & full == PlacedErrors(frozenset({4}), frozenset({8}), repeated=0)


def test_an_empty_reply_has_no_pause_and_pairs_with_nothing() -> None:
    assert pauses(Audio(np.zeros(RATE_HZ, np.int16), RATE_HZ)) == ()
    assert longest_gap_s((), (ReplyPause(1.0, 0.4, 1.4),), scale=1.0, since_s=0.0) == 0.0

"""Sentences are parted at their own pauses, and an agent that speaks into them breaks a promise."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from bench import pauses
from bench.paused_sentences import PauseTrial, parted_sentences
from testkit.sounds import burst

RATE_HZ = 16_000


def trial(
    pause_s: float | None,
    *,
    over_ms: float = 0.0,
    response_ms: float | None = 700.0,
    letters: int = 10,
) -> PauseTrial:
    return PauseTrial("a", pause_s, over_ms, response_ms, letters)


def kept(trials: list[PauseTrial]) -> dict[str, bool]:
    return {promise.name: promise.kept for promise in pauses.promises_of(trials)}


def test_a_sentence_is_parted_at_the_pause_in_its_middle(tmp_path: Path) -> None:
    said = burst(1.5, tail_s=0.0).resampled(RATE_HZ).samples
    pause = np.zeros(RATE_HZ // 5, np.int16)
    soundfile.write(tmp_path / "with.wav", np.concatenate([said, pause, said]), RATE_HZ)
    soundfile.write(tmp_path / "without.wav", np.concatenate([said, said]), RATE_HZ)
    (halves,) = parted_sentences(tmp_path)
    assert halves.name == "with"
    for half in (halves.first, halves.second):
        assert abs(half.duration_s - 1.5) < 0.05


def test_talking_over_short_pauses_breaks_a_promise_and_over_long_ones_does_not() -> None:
    patient = [trial(0.0), trial(0.3), trial(0.6), trial(1.6, over_ms=400.0), trial(None)]
    assert all(kept(patient).values())
    hasty = [trial(0.3, over_ms=200.0), trial(0.6, over_ms=300.0), trial(1.6)]
    assert not kept(hasty)["short_pauses_talked_over_share"]


def test_who_is_left_hanging_breaks_a_promise() -> None:
    assert not kept([trial(0.3), trial(None, response_ms=None)])["answered_share"]


def test_an_answer_to_half_a_sentence_breaks_a_promise() -> None:
    assert kept([trial(0.0), trial(0.3, letters=9)])["asked_share"]
    assert not kept([trial(0.0), trial(0.3), trial(0.6, letters=5)])["asked_share"]
    assert kept([trial(0.0), trial(0.3), trial(None, letters=5)])["asked_share"]
    assert kept([trial(0.0), trial(0.3), trial(1.6, letters=5, over_ms=300.0)])["asked_share"]


def test_nothing_measured_is_nothing_kept() -> None:
    assert not any(kept([]).values())


def test_a_folder_without_sentences_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert pauses.main(["--clips", str(tmp_path), "--json"]) == 2
    assert "--clips" in capsys.readouterr().err

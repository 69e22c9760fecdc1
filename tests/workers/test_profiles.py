"""What slow decodes and syntheses leave behind, and how much of it."""

import pstats
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from parley.settings.telemetry import WorkerTelemetrySection
from workers.engines.asr_engine import DecodeRequest, Draft
from workers.recognition.profiled import ProfiledRecognizer
from workers.serving.profiles import MOST_FILES, SlowWorkProfiles

REQUEST = DecodeRequest(samples=np.zeros(16, np.float32), voice=1.0, language="en")


class Recognizer:
    device = "cpu"
    languages = ("en",)
    attempts = 1
    largest_batch = 1

    def decode(
        self, requests: Sequence[DecodeRequest], *, attempt: int, abandoned: Callable[[], bool]
    ) -> Sequence[Draft]:
        assert requests == [REQUEST] and attempt == 0 and not abandoned()
        return [slow_part()]


def slow_part() -> Draft:
    return Draft.__new__(Draft)


def profiled(folder: Path, *, above_ms: int) -> ProfiledRecognizer:
    telemetry = WorkerTelemetrySection(
        profiling=True, profile_output_dir=str(folder), profile_min_duration_ms=above_ms
    )
    return ProfiledRecognizer(Recognizer(), SlowWorkProfiles(telemetry, kind="recognition"))


def test_a_slow_decode_leaves_where_its_time_went(tmp_path: Path) -> None:
    recognizer = profiled(tmp_path / "profiles", above_ms=0)
    assert recognizer.decode([REQUEST], attempt=0, abandoned=lambda: False)
    (file,) = (tmp_path / "profiles").iterdir()
    assert file.name.startswith("recognition-1-") and file.suffix == ".pstats"
    names = [name for _, _, name in pstats.Stats(str(file)).stats]  # type: ignore[attr-defined]
    assert "slow_part" in names


def test_a_quick_one_leaves_nothing(tmp_path: Path) -> None:
    recognizer = profiled(tmp_path / "profiles", above_ms=60_000)
    assert recognizer.decode([REQUEST], attempt=0, abandoned=lambda: False)
    assert not (tmp_path / "profiles").exists()


def test_so_many_are_kept(tmp_path: Path) -> None:
    recognizer = profiled(tmp_path, above_ms=0)
    for _ in range(MOST_FILES + 20):
        recognizer.decode([REQUEST], attempt=0, abandoned=lambda: False)
    assert len(list(tmp_path.iterdir())) == MOST_FILES

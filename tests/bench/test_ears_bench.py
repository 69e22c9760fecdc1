"""`./run bench ears`: whose clips are told of, how noise is put behind them, what it refuses."""

from pathlib import Path

import numpy as np
import pytest

from bench.ears import in_noise, main, of_half
from caller.recordings import Clip
from parley.errors import ConfigurationError

SECOND = np.ones(16000, np.float32)


def clip(name: str, speaker: str = "") -> Clip:
    return Clip(name, SECOND, "words", speaker)


def test_each_speaker_is_in_one_half() -> None:
    clips = [clip(f"{speaker}-1-000{n}.flac") for speaker in "abcd" for n in range(2)]
    tuning, reported = of_half(clips, "tuning"), of_half(clips, "reported")
    assert {each.name[0] for each in tuning} == {"a", "c"}
    assert {each.name[0] for each in reported} == {"b", "d"}
    assert len(of_half(clips, "all")) == len(clips)


def test_a_column_of_speakers_counts_before_the_names_of_files() -> None:
    clips = [clip("x-1.flac", "anna"), clip("x-2.flac", "ben")]
    assert [each.speaker for each in of_half(clips, "reported")] == ["ben"]


def test_one_speaker_has_no_reported_half() -> None:
    with pytest.raises(ConfigurationError, match="reported"):
        of_half([clip("a-1.flac")], "reported")


def test_noise_is_ten_decibels_lower_however_loud_it_was() -> None:
    for level in (0.01, 3.0):
        noise = Clip("noise", level * np.resize([1, -1], 8000).astype(np.float32), "")
        behind = in_noise(clip("a"), [noise]).samples - SECOND
        assert 10 * np.log10(1 / np.mean(behind**2)) == pytest.approx(10, abs=0.01)


def test_without_clips_it_says_what_to_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--clips", str(tmp_path), "--json"]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert "--clips DIR" in output.err

"""`./run bench sentences`: what counts as a lost sentence, and who is in which half."""

import json
from pathlib import Path

import pytest
import soundfile

from bench.sentences import HALVES, lost_sentences, main, pairs_of
from caller.recordings import read_clips
from parley.errors import ConfigurationError
from tests.workers.speech_sounds import LIGHTS, WEATHER, speech

ONE, OTHER = "the stillness was awful creepy", "what hath happened unto me"


@pytest.mark.parametrize(
    ("heard", "lost"),
    [
        (f"{ONE} {OTHER}", 0),
        ("the stillness was full creeping what has happened to me", 0),
        (ONE, 1),
        (OTHER, 1),
        ("the pacific crayfish serves every purpose", 2),
        ("", 2),
    ],
)
def test_a_sentence_is_lost_when_few_of_its_words_are_heard(heard: str, lost: int) -> None:
    assert lost_sentences([ONE, OTHER], heard) == lost


def test_no_speaker_is_in_both_halves() -> None:
    clips = read_clips()
    of_half = [
        {clip.speaker for pair in pairs_of(clips, half, 1000) for clip in pair}
        for half in ("tuning", "reported")
    ]
    assert not of_half[0] & of_half[1]
    assert of_half[0] | of_half[1] == {clip.speaker for clip in clips}
    assert set(HALVES) == {"tuning", "reported", "all"}


def test_one_speaker_makes_nopairs_of() -> None:
    own = [clip for clip in read_clips() if clip.speaker == "367"]
    with pytest.raises(ConfigurationError, match="speakers"):
        pairs_of(own, "all", 10)


@pytest.mark.servers
@pytest.mark.realtime
def test_the_document_holds_both_ways(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = ["file\tspeaker\ttranscript"]
    for name, text in (("a", LIGHTS), ("b", WEATHER)):
        soundfile.write(tmp_path / f"{name}.wav", speech(text), 16000)
        rows.append(f"{name}.wav\t{name}\t{text}")
    (tmp_path / "transcripts.tsv").write_text("\n".join(rows) + "\n")
    options = ["--clips", str(tmp_path), "--half", "all", "--model", "whisper-tiny-en", "--json"]
    assert main(options) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["pairs"] == 2
    assert set(document["ways"]) == {"ended_by_whisper", "gone_on"}
    assert document["ways"]["gone_on"]["lost_sentences"] == 0

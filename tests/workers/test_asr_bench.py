"""`./run bench asr`: what counts as the same words, and what it says where it cannot measure."""

import json
from pathlib import Path

import pytest
import soundfile

from bench.asr import main
from caller.plain_words import plain_words
from tests.workers.speech_sounds import LIGHTS, WEATHER, noises, speech


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Mr. Hale can't come.", "mister hale can not come"),
        ("I'm sure we'll see, don't you?", "i am sure we will see do not you"),
        ("It cost 1,250 dollars.", "it cost one thousand two hundred fifty dollars"),
        ("In 1885, on the 21st.", "in eighteen eighty five on the twenty first"),
        ("“Café” — naïve!", "cafe naive"),
        ("'Tis over, 'tis done.", "it is over it is done"),
        ("the sailors’ boat", "the sailors boat"),
    ],
)
def test_two_ways_of_writing_are_the_same_words(one: str, other: str) -> None:
    assert plain_words(one) == plain_words(other)


def test_different_words_stay_different() -> None:
    assert plain_words("I have it") != plain_words("I had it")
    assert plain_words("its") != plain_words("it is")


def test_without_clips_it_says_what_to_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--clips", str(tmp_path), "--json"]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert "--clips DIR" in output.err


@pytest.mark.servers
def test_the_document_holds_both_contexts_and_the_promises(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, text in (("a.wav", LIGHTS), ("b.wav", WEATHER)):
        soundfile.write(tmp_path / name, speech(text), 16000)
    rows = ("file\ttranscript", f"a.wav\t{LIGHTS}", f"b.wav\t{WEATHER}")
    (tmp_path / "transcripts.tsv").write_text("\n".join(rows) + "\n")
    (tmp_path / "noise").mkdir()
    soundfile.write(tmp_path / "noise" / "hum.wav", noises()["hum"], 16000)
    options = ["--clips", str(tmp_path), "--noises", str(tmp_path / "noise"), "--json"]
    assert main([*options, "--model", "whisper-tiny-en"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert set(document["ways"]) == {"short", "full_greedy", "full_beam_5"}
    assert document["ways"]["short"]["word_error_percent"] == 0
    assert document["decode_time_ratio"]["full_greedy"] > 0
    assert document["noises"] == {"hum": ""}
    assert [promise["kept"] for promise in document["promises"]] == [True, True]

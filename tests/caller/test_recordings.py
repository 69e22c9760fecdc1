"""The recordings that ship with the caller."""

import soundfile

from bench.floor_sounds import recorded_interruptions, recorded_noises
from bench.interrupting_clips import interrupting_clips
from bench.paused_sentences import parted_sentences
from caller.recordings import NOISES, SAMPLE_RATE_HZ, SPEECH, read_clips, read_noises, sound_files
from cli.load import LONGEST_CLIP_S


def test_every_bundled_clip_has_its_words_and_its_speaker() -> None:
    clips = read_clips()
    assert sorted(clip.name for clip in clips) == [file.name for file in sound_files(SPEECH)]
    assert all(clip.transcript and clip.speaker for clip in clips)
    assert len({clip.speaker for clip in clips}) >= 8
    assert all(2 <= clip.duration_s <= LONGEST_CLIP_S for clip in clips)


def test_bundled_recordings_are_as_recognition_wants_them_and_small() -> None:
    files = sound_files(SPEECH) + sound_files(NOISES)
    assert {soundfile.info(file).samplerate for file in files} == {SAMPLE_RATE_HZ}
    assert sum(file.stat().st_size for file in files) < 2_000_000
    assert len(read_noises()) >= 4


def test_where_each_recording_comes_from_is_written_beside_it() -> None:
    readme = (SPEECH.parent / "README.md").read_text(encoding="utf-8")
    for clip in read_clips():
        speaker, chapter, sentence = clip.name.removesuffix(".flac").split("-")
        row = next(line for line in readme.splitlines() if line.startswith(f"| {speaker} | "))
        assert chapter in row
        assert sentence in row
    assert "CC BY 4.0" in readme
    assert (NOISES / "LICENSE").is_file()


def test_the_benchmarks_find_enough_in_them() -> None:
    assert len(interrupting_clips(SPEECH)) == len(read_clips())
    assert len(list(recorded_interruptions(SPEECH))) >= 28
    assert len(list(recorded_noises(NOISES))) >= 12
    assert len(list(parted_sentences(SPEECH))) >= 6

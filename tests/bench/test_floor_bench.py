"""The labeled set and its verdicts: what is in it, and what breaks a promise."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from agent.turns.floor import FloorPolicy
from agent.turns.overlap_sound import WindowSound, features, hum_probability
from bench import floor, floor_split
from bench.floor_offline import OfflineText
from bench.floor_sounds import (
    RATE_HZ,
    SPEECH_DBFS,
    FloorSound,
    Label,
    brought_sounds,
    recorded_interruptions,
    recorded_noises,
)
from bench.floor_split import Split
from bench.floor_trial import FloorTrial, hold_trial
from bench.made_noises import generated_noises
from bench.murmur_fit import LearnedSound, fitted
from caller.recordings import NOISES, SPEECH
from parley import paths
from parley.audio import Samples, read_audio
from parley.discovery import StaticDiscovery
from parley.errors import ConfigurationError
from parley.speech import RecognitionPool
from testkit.fake_recognizer import FakeRecognizer, recognizing
from testkit.sounds import burst
from tests.agent.murmur_sounds import hum_window, open_window


def trial(
    label: Label, *, yielded: bool, stuck: bool = False, split: Split = "held_out"
) -> FloorTrial:
    sound = FloorSound("x", label, "generated", np.ones(1600, dtype=np.int16), split)
    return FloorTrial(sound, yielded, stuck, None, None, None, None, ())


def learned_sound(
    label: Label, make: Callable[[int], Samples], confidence: float, speaker: str
) -> LearnedSound:
    sound = FloorSound("x", label, "brought", make(0), "tuned", "hum", speaker)
    windows = [(0.032 * number, WindowSound.of(make(number))) for number in range(9)]
    return LearnedSound(sound, windows, [[OfflineText(1.0, "Emma Chen", confidence)]])


def kept(promises: list[Any]) -> dict[str, bool]:
    return {promise.name: promise.kept for promise in promises}


def test_generated_noises_are_all_different_and_the_same_in_every_run() -> None:
    first, again = list(generated_noises(4, "tuned")), list(generated_noises(4, "tuned"))
    assert [s.name for s in first] == [s.name for s in again]
    assert all(np.array_equal(a.samples, b.samples) for a, b in zip(first, again, strict=True))
    held_out = list(generated_noises(4, "held_out"))
    assert len({s.samples.tobytes() for s in first + held_out}) == 20 + 32
    assert {s.label for s in first + held_out} == {"noise"}
    assert {s.split for s in first} == {"tuned"}
    assert {s.split for s in held_out} == {"held_out"}


def test_nothing_that_the_rules_were_written_from_is_held_out() -> None:
    hums = floor_split.HELD_OUT_MURMURS["hum"]  # a hum has no other words: there voices differ
    for tuned, held_out in (
        (floor_split.TUNED_MURMURS, floor_split.HELD_OUT_MURMURS),
        (floor_split.TUNED_INTERRUPTIONS, floor_split.HELD_OUT_INTERRUPTIONS),
    ):
        words = {text for texts in held_out.values() for text in texts} - set(hums)
        assert not words & {text for texts in tuned.values() for text in texts}
    assert not set(floor_split.TUNED_PITCHES) & set(floor_split.HELD_OUT_PITCHES)
    assert floor_split.HELD_OUT_VOICE not in floor_split.TUNED_VOICES.values()
    assert not set(floor_split.TUNED_OTHER_VOICES) & set(floor_split.HELD_OUT_OTHER_VOICES)
    bundled = [*recorded_interruptions(SPEECH), *recorded_noises(NOISES)]
    assert {sound.split for sound in bundled} == {"tuned"}, "the caller's own clips were looked at"


def test_other_speakers_and_noises_are_held_out(tmp_path: Path) -> None:
    clip = burst(4.0)
    for name in ("a.wav", "b.wav"):
        soundfile.write(tmp_path / name, clip.samples // 8, clip.sample_rate_hz)
    rows = "file\tspeaker\ttranscript\na.wav\t367\tx\nb.wav\t4711\tx\n"
    (tmp_path / "transcripts.tsv").write_text(rows)
    split = {phrase.name: phrase.split for phrase in recorded_interruptions(tmp_path)}
    assert split == {
        "a first words": "tuned",
        "a middle": "tuned",
        "b first words": "held_out",
        "b middle": "held_out",
    }
    assert {noise.split for noise in recorded_noises(tmp_path)} == {"held_out"}


def test_sounds_of_others_are_brought_along_with_their_label_and_half(tmp_path: Path) -> None:
    clip = burst(0.5)
    soundfile.write(tmp_path / "a.wav", clip.samples // 8, clip.sample_rate_hz)
    with pytest.raises(ConfigurationError, match=r"sounds\.tsv"):
        list(brought_sounds(tmp_path))
    (tmp_path / "sounds.tsv").write_text(
        "file\tlabel\tclass\tsplit\tvoice\ttext\na.wav\tbackchannel\thum\theld_out\tanna\tMm-hm.\n"
    )
    [sound] = brought_sounds(tmp_path)
    assert (sound.label, sound.kind, sound.split, sound.voice) == (
        "backchannel", "hum", "held_out", "anna",
    )  # fmt: skip
    assert not sound.wants_floor


def test_weights_of_murmurs_are_found_again_in_sounds_made_to_differ() -> None:
    """Hums of a closed mouth against open vowels, in several voices; one voice is not learned."""
    learned = [
        learned_sound(label, make, confidence, speaker)
        for speaker in "abcd"
        for label, make, confidence in (
            ("backchannel", hum_window, 0.4), ("interruption", open_window, 0.9),
        )
    ]  # fmt: skip
    hums, words = fitted(learned)
    assert hum_probability(features([WindowSound.of(hum_window(n)) for n in range(9)]), hums) > 0.7
    assert hum_probability(features([WindowSound.of(open_window(n)) for n in range(9)]), hums) < 0.3
    assert words.confidence > 0 > words.hum


def test_promises_rest_on_what_is_held_out() -> None:
    learned = [trial("interruption", yielded=True, split="tuned")] * 300
    learned += [trial("noise", yielded=False, split="tuned")] * 300
    unknown = [trial("interruption", yielded=False), trial("noise", yielded=True)] * 100
    promises = kept(floor.promises_of(learned + unknown, whole=True))
    assert not promises["interruptions_yielded_to"]
    assert not promises["murmurs_and_noises_survived"]
    assert not any(
        promise.kept
        for promise in floor.promises_of(learned, whole=True)
        if promise.name != "never_stuck"
    )


def test_phrases_are_cut_from_sentences_at_one_level(tmp_path: Path) -> None:
    clip = burst(4.0)
    soundfile.write(tmp_path / "a.wav", clip.samples // 8, clip.sample_rate_hz)
    phrases = list(recorded_interruptions(tmp_path))
    assert [p.name for p in phrases] == ["a first words", "a middle"]
    for phrase in phrases:
        assert 1.0 < len(phrase.samples) / RATE_HZ < 2.5
        rms = np.sqrt(np.mean(np.square(phrase.samples.astype(float))))
        assert 20 * np.log10(rms / 32768) == pytest.approx(SPEECH_DBFS, abs=1)


def test_a_folder_without_recordings_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="--clips"):
        list(recorded_interruptions(tmp_path))


def test_both_shares_are_promised_together() -> None:
    good = [trial("interruption", yielded=True)] * 97 + [trial("interruption", yielded=False)] * 3
    fine = [trial("backchannel", yielded=False)] * 90 + [trial("noise", yielded=True)] * 10
    assert all(kept(floor.promises_of(good + fine, whole=True)).values())
    deaf = [trial("interruption", yielded=False)] * 100
    assert not kept(floor.promises_of(deaf + fine, whole=True))["interruptions_yielded_to"]
    nervous = [trial("backchannel", yielded=True)] * 100
    assert not kept(floor.promises_of(good + nervous, whole=True))["murmurs_and_noises_survived"]
    assert not kept(floor.promises_of(good[:50] + fine, whole=True))["interruptions"]


def test_an_agent_that_stays_silent_for_good_survived_nothing() -> None:
    stuck = trial("noise", yielded=False, stuck=True)
    assert not stuck.right
    promises = kept(floor.promises_of([stuck, trial("interruption", yielded=True)], whole=False))
    assert not promises["never_stuck"]
    assert not promises["murmurs_and_noises_survived"]


@pytest.mark.parametrize(
    ("clip", "text", "yielded"),
    [("stop.flac", "Wait, stop, I have another question.", True), ("mm-hm.flac", "Mm-hm.", False)],
)
async def test_a_sound_is_judged_by_itself_and_by_what_recognition_makes_of_it(
    clip: str, text: str, yielded: bool
) -> None:
    spoken = read_audio(paths.repository() / "docs" / "scripts" / clip).resampled(RATE_HZ).samples
    recognizer = FakeRecognizer(text)
    async with (
        recognizing(recognizer) as address,
        RecognitionPool(StaticDiscovery(address)) as pool,
    ):
        found = await hold_trial(
            FloorSound(clip, "interruption" if yielded else "backchannel", "synthesized", spoken),
            spoken,
            pool,
            policy=FloorPolicy(),
            preflight_silence_s=0.06,
        )
    assert found.duck_ms is not None and found.duck_ms > 0
    assert found.right, found
    assert (found.yield_ms is not None) is yielded
    assert (found.returned_ms is not None) is not yielded
    json.dumps(floor._row(found))

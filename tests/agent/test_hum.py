"""Hums as sounds leave the floor to the agent, whatever recognition makes of them; words take it.

The hums are made (tests/agent/vocal_tract.py), and what recognition makes of them is written here:
neither was anything fitted on or tried before, all of it is held out. The words are recorded.
"""

from collections.abc import Sequence

import pytest

from agent.turns.floor import FloorPolicy
from bench.floor_offline import OfflineText, judged
from bench.floor_sounds import RATE_HZ, FloorSound, at_level, recorded_interruptions
from bench.floor_trial import BEFORE_S
from caller.recordings import SPEECH, read_clips
from tests.agent.vocal_tract import VOICES, hum, word

KINDS = {
    "short, falling": (0.35, -0.15, 1),
    "long, level": (0.7, 0.0, 1),
    "twice, rising": (0.55, 0.2, 2),
    "twice, level": (0.8, 0.0, 2),
    "three times": (1.0, 0.05, 3),
}
"""Seconds, by how much the pitch rises, how often it begins anew."""
TAKEN_FOR = ("Um hum.", "Ehem", "And hum.", "Emma Hun", "Mme. Hem", "I'm him")
HUM_CONFIDENCE, WORD_CONFIDENCE = 0.45, 0.75
"""Of a recognizer, as docs/turn-taking.md has it."""
TEXT_AFTER_S = 0.25


def hums() -> dict[str, FloorSound]:
    return {
        f"{voice}: {kind}": at_level(
            f"{voice}: {kind}",
            "backchannel",
            "generated",
            hum(VOICES[voice], seconds, rises=rises, beats=beats),
        )
        for voice in VOICES
        for kind, (seconds, rises, beats) in KINDS.items()
    }


def words() -> dict[str, FloorSound]:
    """The beginning of a sentence of each speaker."""
    firsts = [each for each in recorded_interruptions(SPEECH) if each.name.endswith("first words")]
    return {each.voice: each for each in reversed(firsts)}


HUMS = hums()
WORDS = words()
PERSON = at_level("before", "interruption", "generated", word(VOICES["man"], ("ah", "ee"), 2.0))
SAID = {clip.name: clip.transcript for clip in read_clips()}


def heard_as(sound: FloorSound, text: str, confidence: float) -> Sequence[OfflineText]:
    after_s = BEFORE_S + len(sound.samples) / RATE_HZ + TEXT_AFTER_S
    return [OfflineText(after_s, text, confidence)]


@pytest.mark.parametrize("text", TAKEN_FOR)
@pytest.mark.parametrize("name", HUMS)
def test_a_hum_leaves_the_floor_whatever_recognition_makes_of_it(name: str, text: str) -> None:
    heard = heard_as(HUMS[name], text, HUM_CONFIDENCE)
    trial = judged(HUMS[name], PERSON.samples, heard, FloorPolicy())
    assert trial.duck_ms is not None, "it was not taken for a voice"
    assert trial.right


@pytest.mark.parametrize("speaker", WORDS)
def test_the_beginning_of_a_sentence_takes_it(speaker: str) -> None:
    """Of readers whom the rules of turn-taking know; that they are no hums is what is asked."""
    sound = WORDS[speaker]
    words = SAID[f"{sound.name.split()[0]}.flac"].split()[:4]
    heard = heard_as(sound, " ".join(words).capitalize(), WORD_CONFIDENCE)
    trial = judged(sound, PERSON.samples, heard, FloorPolicy())
    assert trial.yielded

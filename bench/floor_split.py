"""Which sounds the rules of turn-taking were written from, and which are held out.

What failed here once changed a rule or a word list. A claim about those rules needs other words,
other voices and other noises: promises rest on the part that is held out. Whoever changes a rule
because of a held-out sound moves it to the other part, and writes another in its place.
"""

import csv
from pathlib import Path
from typing import Literal

from caller.recordings import TRANSCRIPTS

Split = Literal["tuned", "held_out"]

TUNED_MURMURS = (
    "Mm-hmm.", "Mhm.", "Uh-huh.", "Yeah.", "Right.", "Okay.", "I see.", "Oh, really?", "Sure.",
    "Yeah, yeah.", "Got it.", "That's right.",
)  # fmt: skip
TUNED_INTERRUPTIONS = (
    "Wait.", "Stop, please.", "No, that's wrong.", "Hold on a second.", "Excuse me, a question.",
    "Actually, I meant Berlin.", "What about tomorrow?", "Can you say that again?",
    "Let's talk about something else.", "How much does it cost?",
    "I have a question.", "That is not what I asked.",
)  # fmt: skip
TUNED_PITCHES = (1.0, 0.9, 1.12)
"""Each voice as it is, lower and slower, higher and quicker."""
TUNED_VOICES = {"piper": "piper-en-us-joe-medium", "hibari": "hibari-en-us-heart"}

HELD_OUT_MURMURS = (
    "Oh wow.", "Exactly.", "Ah, okay.", "Interesting.", "No way.", "Fair enough.", "Good point.",
    "Oh nice.", "True.", "Mm, yeah.", "Ah, I get it.", "Oh dear.", "Yep, yep.", "Huh.",
    "That's great.",
)  # fmt: skip
HELD_OUT_INTERRUPTIONS = (
    "One second.", "Sorry, what was that?", "Let me stop you there.", "I don't need that.",
    "Go back to the first one.", "Not that one.", "Is there a cheaper one?", "Which day was it?",
    "My name is Anna.", "Please speak more slowly.", "I already know that.",
    "Never mind, cancel it.", "Make it two instead.", "Who told you that?", "Never mind.",
)  # fmt: skip
HELD_OUT_PITCHES = (0.84, 0.95, 1.06, 1.2)
HELD_OUT_VOICE = "piper-en-us-lessac-medium"
"""Fetched from the Piper hub; where it cannot be had only words and pitches are new."""

TUNED_SPEAKERS = frozenset(
    ("367", "533", "1688", "1998", "2033", "2414", "2609", "3005", "3080", "3331")
)
"""Readers of LibriSpeech whose sentences were looked at, those that ship with the caller."""
TUNED_NOISES = frozenset(("car_horn", "dog_bark", "engine_idling", "people_talking"))
HELD_OUT_SEED = 1000
"""Generated noises from this number on have not been looked at."""


def of_speaker(speaker: str) -> Split:
    """A recording without a speaker counts as looked at."""
    return "tuned" if not speaker or speaker in TUNED_SPEAKERS else "held_out"


def of_noise(name: str) -> Split:
    return "tuned" if name in TUNED_NOISES else "held_out"


def speakers(folder: Path) -> dict[str, str]:
    """By file name, as `transcripts.tsv` in the folder has them; empty where there is none."""
    table = folder / TRANSCRIPTS
    if not table.is_file():
        return {}
    with table.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines, delimiter="\t")
        return {row["file"]: row.get("speaker") or "" for row in rows if row.get("file")}

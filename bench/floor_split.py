"""Which sounds the rules of turn-taking were written from, and which are held out.

What failed here once changed a rule, a weight or a word list. A claim about those needs other
words, other voices and other noises: promises rest on the part that is held out, of which nobody
looks at a single sound. Whoever changes a rule because of a held-out sound moves it to the other
part, and writes another in its place.

The parts that were held out before are tuned on since: which of their phrases failed was known. The
one that is now was written, voices and phrases, before any of it was tried.
"""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from caller.recordings import TRANSCRIPTS

Split = Literal["tuned", "held_out"]
Phrases = Mapping[str, tuple[str, ...]]
"""By class."""

TUNED_MURMURS: Phrases = {
    "hum": (
        "Mm-hmm.", "Mhm.", "Uh-huh.", "Mm, yeah.", "Huh.", "Hmm.", "Mm.", "Mm-hm, mm-hm.", "Mmm.",
        "Hm.", "Uh-huh, uh-huh.", "Aha.",
    ),
    "agreement": (
        "Yeah.", "Right.", "Okay.", "I see.", "Sure.", "Yeah, yeah.", "Got it.", "That's right.",
        "Exactly.", "Ah, okay.", "True.", "Ah, I get it.", "Yep, yep.", "Yes, I see.",
        "Right, right.", "Of course.", "Yup.", "Absolutely.", "Oh, okay.", "Makes sense.",
        "I know.", "That's true.", "Okay, sure.", "Gotcha.", "Definitely.",
    ),
    "assessment": (
        "Oh, really?", "Oh wow.", "Interesting.", "No way.", "Fair enough.", "Good point.",
        "Oh nice.", "Oh dear.", "That's great.", "Wow.", "That's nice.", "Really?", "Oh, I see.",
        "That's funny.", "Cool.", "Oh my.", "That's amazing.", "No kidding.", "Great.",
    ),
}  # fmt: skip
TUNED_INTERRUPTIONS: Phrases = {
    "short": (
        "Wait.", "Stop, please.", "One second.", "Not that one.", "Never mind.",
        "Hold on a second.", "Hang on.", "Why?", "Stop it.", "No thanks.", "Quiet.", "Not today.",
        "When?", "Go back.", "Repeat that.", "Next one.", "Who?", "No.", "More.", "Monday.",
    ),
    "phrase": (
        "No, that's wrong.", "Excuse me, a question.", "Actually, I meant Berlin.",
        "What about tomorrow?", "Can you say that again?", "Let's talk about something else.",
        "How much does it cost?", "I have a question.", "That is not what I asked.",
        "Sorry, what was that?", "Let me stop you there.", "I don't need that.",
        "Go back to the first one.", "Is there a cheaper one?", "Which day was it?",
        "My name is Anna.", "Please speak more slowly.", "I already know that.",
        "Never mind, cancel it.", "Make it two instead.", "Who told you that?",
        "Can I say something?", "That's too expensive.", "What do you mean?", "Skip this part.",
        "Could you start over?", "I wanted the blue one.", "Who is speaking?", "Where is that?",
        "Give me the address.", "When does it open?", "Let me think about it.",
        "I'm looking for my brother.", "Tell me more about the second.", "How far is it?",
        "Did you say Tuesday?", "We need three of them.", "Change it to Friday.",
        "I can't hear you well.",
    ),
}  # fmt: skip
TUNED_PITCHES = (1.0, 0.9, 1.12)
"""Each voice as it is, lower and slower, higher and quicker."""
TUNED_VOICES = {"piper": "piper-en-us-joe-medium", "hibari": "hibari-en-us-heart"}
TUNED_OTHER_VOICES = (
    *(("kokoro", voice) for voice in (
        "af_bella", "af_nova", "am_adam", "am_puck", "bf_emma", "bm_george", "af_alloy",
        "af_jessica", "am_echo", "am_fenrir", "am_liam", "bf_isabella", "bm_fable",
    )),
    *(("espeak", f"en-us{voice}") for voice in (
        "", "+f3", "+m3", "+m7", "+f2", "+f4", "+m1", "+m5",
    )),
    *(("flite", voice) for voice in ("slt", "rms", "awb")),
)  # fmt: skip
"""Of synthesizers that Parley has no adapter for: their sounds come with `--sounds`."""

HELD_OUT_MURMURS: Phrases = {
    "hum": ("Mm-hm.", "Mmm, mm-hm.", "Uh-huh, yeah.", "Hmm, hmm.", "Ooh."),
    "agreement": (
        "Sure, sure.", "Okay, right.", "I understand.", "Yes, yes.", "Alright.", "Indeed.",
        "Right, okay.", "Yeah, sure.", "Totally.", "I agree.",
    ),
    "assessment": (
        "Oh, great.", "That's good.", "How nice.", "Oh, cool.", "That's interesting.", "Lovely.",
        "That's crazy.", "Oh my gosh.", "Very nice.", "That's lovely.",
    ),
}  # fmt: skip
HELD_OUT_INTERRUPTIONS: Phrases = {
    "short": (
        "Hold it.", "Not yet.", "Where?", "Stop talking.", "Say again?", "Start over.",
        "Too fast.", "Louder, please.", "Wrong one.", "Just a moment.",
    ),
    "phrase": (
        "Could I ask you something?", "That won't work for me.", "I meant the other one.",
        "What time is it?", "Let's do that later.", "Do you have it in green?",
        "Tell me the price first.", "I changed my mind.", "Is it open on Sunday?",
        "Send it to my office.", "I didn't get that.", "That's not my address.",
        "Who else is coming?", "Can we move on?", "Give me a shorter answer.",
        "I live in Boston.",
    ),
}  # fmt: skip
HELD_OUT_PITCHES = (0.84, 0.95, 1.06, 1.2)
HELD_OUT_VOICE = "piper-en-us-lessac-medium"
"""Fetched from the Piper hub; where it cannot be had, the voices of `--sounds` remain."""
HELD_OUT_OTHER_VOICES = (
    *(("kokoro", voice) for voice in ("af_river", "am_eric", "bm_daniel", "am_santa")),
    *(("espeak", f"en-us{voice}") for voice in ("+f1", "+m2", "+m6", "+f5")),
    *(("flite", voice) for voice in ("kal16",)),
)  # fmt: skip

TUNED_SPEAKERS = frozenset(
    (
        *("367", "533", "1688", "1998", "2033", "2414", "2609", "3005", "3080", "3331"),
        *("p225", "p226"),
    )
)
"""Readers of LibriSpeech whose sentences were looked at, those that ship with the caller; and of
VCTK, which were fitted on."""
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

"""German, as it is spoken in Germany.

`cannot_speak.flac` was spoken by SVOX Pico's voice de-DE (Apache-2.0), as py-nanotts has it.
"""

from pathlib import Path

from dialogue.text.languages.german.phrases import (
    EXAMPLES,
    GREETING,
    INSTRUCTIONS,
    PHRASES,
    TOOL_INSTRUCTIONS,
)
from dialogue.text.languages.german.spoken import SPOKEN
from dialogue.text.languages.german.words import BACKCHANNELS, SEGMENTS, TURNS
from dialogue.text.languages.language import Language

LANGUAGE = Language(
    code="de",
    name="German",
    own_name="Deutsch",
    instructions=INSTRUCTIONS,
    tool_instructions=TOOL_INSTRUCTIONS,
    examples=EXAMPLES,
    greeting=GREETING,
    phrases=PHRASES,
    backchannels=BACKCHANNELS,
    segments=SEGMENTS,
    spoken=SPOKEN,
    turns=TURNS,
    chars_per_s=15.0,
    cannot_speak_recording=Path(__file__).parent / "cannot_speak.flac",
)

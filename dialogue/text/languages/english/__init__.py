"""English, the language of the settings' defaults.

`cannot_speak.flac` was spoken by the project's hibari voice (Apache-2.0).
"""

from pathlib import Path

from dialogue.text.languages.english.phrases import EXAMPLES, PHRASES, TOOL_INSTRUCTIONS
from dialogue.text.languages.english.spoken import SPOKEN
from dialogue.text.languages.english.words import BACKCHANNELS, SEGMENTS, TURNS
from dialogue.text.languages.language import Language
from parley.settings.orchestrator import AgentSection

_DEFAULTS = AgentSection()

LANGUAGE = Language(
    code="en",
    name="English",
    own_name="English",
    instructions=_DEFAULTS.instructions,
    tool_instructions=TOOL_INSTRUCTIONS,
    examples=EXAMPLES,
    greeting=_DEFAULTS.greeting,
    phrases=PHRASES,
    backchannels=BACKCHANNELS,
    segments=SEGMENTS,
    spoken=SPOKEN,
    turns=TURNS,
    chars_per_s=15.0,
    cannot_speak_recording=Path(__file__).parent / "cannot_speak.flac",
)

"""What belongs to a language: what the agent says of itself, and how text is heard and spoken."""

from dialogue.text.languages.agreement import check_languages
from dialogue.text.languages.language import (
    BackchannelWords,
    Language,
    Phrases,
    SegmentWords,
    SpokenRules,
)
from dialogue.text.languages.registry import get, get_or_english, languages

__all__ = [
    "BackchannelWords",
    "Language",
    "Phrases",
    "SegmentWords",
    "SpokenRules",
    "check_languages",
    "get",
    "get_or_english",
    "languages",
]

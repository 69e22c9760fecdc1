"""What the agent says of itself, in the language of a session."""

from dialogue.text.languages import Phrases, get_or_english
from dialogue.text.languages.english import LANGUAGE as _ENGLISH

__all__ = ["ENGLISH", "Phrases", "phrases_of"]

ENGLISH = _ENGLISH.phrases


def phrases_of(language: str) -> Phrases:
    """Those of the language, "en" or "en-GB"; English where there are none."""
    return get_or_english(language).phrases

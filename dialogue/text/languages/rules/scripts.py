"""Scripts that a voice of another script cannot read: named instead of dropped or spelled."""

import re

_RANGES = {
    "Han": "\u3400-\u4dbf\u4e00-\u9fff々",
    "Kana": "\u3041-\u30ff",
    "Hangul": "\u1100-\u11ff\uac00-\ud7a3",
    "Greek": "\u0370-\u03ff\u1f00-\u1fff",
    "Cyrillic": "\u0400-\u052f",
    "Armenian": "\u0531-\u058f",
    "Hebrew": "\u0591-\u05f4",
    "Arabic": "\u0610-\u06ff\u0750-\u077f",
    "Devanagari": "\u0900-\u097f",
    "Bengali": "\u0980-\u09ff",
    "Tamil": "\u0b80-\u0bff",
    "Telugu": "\u0c00-\u0c7f",
    "Thai": "\u0e01-\u0e5b",
    "Georgian": "\u10a0-\u10ff",
}
_ANY = "".join(_RANGES.values())
NOT_LATIN = re.compile(rf"[{_ANY}](?:[{_ANY}\s\-·'’،、]{{0,400}}[{_ANY}])?")
"""A run of words in other scripts, without the punctuation that ends it."""


def script_of(text: str) -> str:
    """Of a run that NOT_LATIN found: one of its keys. Kana anywhere make Han Japanese."""
    if re.search(f"[{_RANGES['Kana']}]", text):
        return "Kana"
    return next(name for name, chars in _RANGES.items() if re.match(f"[{chars}]", text))

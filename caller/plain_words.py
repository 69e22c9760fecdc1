"""Transcripts as plain words, so that two ways of writing the same speech count as the same."""

import re
import unicodedata
from functools import cache

from unicode_rbnf import FormatPurpose, RbnfEngine

_WRITTEN_OTHERWISE = {
    "can't": "can not",
    "cannot": "can not",
    "won't": "will not",
    "shan't": "shall not",
    "ain't": "is not",
    "i'm": "i am",
    "let's": "let us",
    "'tis": "it is",
    "mr": "mister",
    "mrs": "missus",
    "dr": "doctor",
    "st": "saint",
    "ok": "okay",
}
_ENDINGS = {"n't": " not", "'re": " are", "'ve": " have", "'ll": " will", "'d": " would"}
_NUMBER = re.compile(r"(\d{1,3}(?:,\d{3})+|\d+)(st|nd|rd|th)?\b")
_YEARS = range(1100, 2000)


def plain_words(text: str) -> str:
    """Lower-case words separated by single spaces: no punctuation, accents or digits, numbers and
    contractions in full."""
    decomposed = unicodedata.normalize("NFKD", text.replace("’", "'")).lower()
    letters = "".join(c for c in decomposed if not unicodedata.combining(c))
    letters = _NUMBER.sub(lambda match: f" {_spelled(match[1], bool(match[2]))} ", letters)
    words = re.findall(r"'?[^\W_]+(?:'[^\W_]+)*", letters)
    return " ".join(map(_in_full, words))


def _in_full(word: str) -> str:
    if word in _WRITTEN_OTHERWISE:
        return _WRITTEN_OTHERWISE[word]
    word = word.removeprefix("'")
    if word in _WRITTEN_OTHERWISE:
        return _WRITTEN_OTHERWISE[word]
    for ending, full in _ENDINGS.items():
        if word.endswith(ending):
            return word.removesuffix(ending) + full
    return word


def _spelled(digits: str, is_ordinal: bool) -> str:
    number = int(digits.replace(",", ""))
    purpose = FormatPurpose.CARDINAL
    if is_ordinal:
        purpose = FormatPurpose.ORDINAL
    elif number in _YEARS and "," not in digits:
        purpose = FormatPurpose.YEAR
    return str(_english().format_number(number, purpose=purpose).text).replace("-", " ")


@cache
def _english() -> RbnfEngine:
    return RbnfEngine.for_language("en")

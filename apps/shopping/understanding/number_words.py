"""Numbers that were spoken, as digits: "nine hundred and ninety nine" is 999."""

import re
from collections.abc import Sequence

_UNITS = {
    word: number
    for number, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
        "fifteen sixteen seventeen eighteen nineteen".split()
    )
}
_TENS = {
    word: number
    for number, word in zip(
        range(20, 100, 10),
        "twenty thirty forty fifty sixty seventy eighty ninety".split(),
        strict=True,
    )
}
_SCALES = {"hundred": 100, "thousand": 1000, "grand": 1000}
_PIECE = re.compile(r"[a-z]+(?:'[a-z]+)?|\d[\d,]*(?:\.\d+)?|[^\sa-z\d]|\s+")
_THOUSANDS = re.compile(r"(?<=[$€£])(\d+(?:\.\d+)?)\s?k\b|\b(?![48]\s?k\b)(\d+(?:\.\d+)?)\s?k\b")
"""But for the pictures of screens, which are 4K and 8K."""
_HALF = re.compile(r"(\d+) ?(?:½|1/2\b)")
_IDIOMS = (
    (re.compile(r"\b(?:a )?couple (?:of )?(?=hundred\b|thousand\b|grand\b)"), "two "),
    (re.compile(r"\bhalf a (?:grand|thousand)\b"), "five hundred"),
)
_PRONOUN_BEHIND = frozenset("new old another this that any good better cheap nice cheaper".split())
"""Words behind which "one" is no number: "a new one fifty five inch"."""
_CENTS = re.compile(r"(\d+) dollars? and (\d{1,2}) cents\b")
_NO_NUMBER_BEFORE = frozenset(("few", "several", "many", "half", "some"))
_COUNTING = frozenset((*_UNITS, *_TENS, *_SCALES))
_BEHIND_AND = frozenset((*_UNITS, *_TENS))


def with_digits(text: str) -> str:
    """The text in lower case, each number written in words as digits.

    "three fifty" is 350 and "twelve ninety nine" 1299, as prices are spoken; "a grand" is 1000;
    "nine and a half" 9.5, and so is "9½". Digits with "k" are thousands.
    """
    text = _HALF.sub(lambda found: f"{found[1]}.5", text.lower())
    for said, meant in _IDIOMS:
        text = said.sub(meant, text)
    pieces = _PIECE.findall(text)
    written: list[str] = []
    place = 0
    while place < len(pieces):
        number, after = _number_at(pieces, place)
        written.append(pieces[place] if number is None else number)
        place = place + 1 if number is None else after
    joined = re.sub(r"(?<=\d),(?=\d{3}\b)", "", "".join(written))
    joined = re.sub(r"\b([48]) k\b", r"\1k", joined)
    joined = _CENTS.sub(lambda found: f"{found[1]}.{int(found[2]):02d} dollars", joined)
    return _THOUSANDS.sub(lambda found: _plain(float(found[1] or found[2]) * 1000), joined)


def _number_at(pieces: Sequence[str], place: int) -> tuple[str | None, int]:
    """The number that begins at the piece, and the place behind it; None: none does."""
    words: list[str] = []
    end = at = place
    while at < len(pieces):
        piece = pieces[at]
        if piece == "one" and not words and _word(pieces, place - 2) in _PRONOUN_BEHIND:
            return None, place
        following = _word(pieces, at + 2)
        if piece in _COUNTING or (piece == "a" and following in _SCALES and not words):
            words.append(piece)
            end = at + 1
        elif piece == "and" and words:
            if following == "a" and _word(pieces, at + 4) == "half":
                value = _value(words)
                return (None, place) if value is None else (_plain(value + 0.5), at + 5)
            # "nine hundred and twelve hundred", "a hundred and two fifty"
            behind = _word(pieces, at + 4)
            is_price = following in _UNITS and (behind in _TENS or _UNITS.get(behind, 0) >= 10)
            is_next_number = behind in _SCALES or is_price
            if words[-1] not in _SCALES or following not in _BEHIND_AND or is_next_number:
                break
        elif not words or not (piece.isspace() or piece == "-"):
            break
        at += 1
    if not words:
        return None, place
    if words[0] in _SCALES:  # "hundred and fifty", with its "a" not heard
        if len(words) == 1 or _word(pieces, place - 2) in _NO_NUMBER_BEFORE:
            return None, place
        words.insert(0, "a")
    value = _value(words)
    return (None, place) if value is None else (_plain(value), end)


def _word(pieces: Sequence[str], at: int) -> str:
    return pieces[at] if 0 <= at < len(pieces) else ""


def _value(words: Sequence[str]) -> float | None:
    """Of a run of number words; None where they are no one number."""
    total, current = 0.0, 0.0
    for place, word in enumerate(words):
        if word == "a":
            current = 1
        elif word == "hundred":
            current = (current or 1) * 100
        elif word in _SCALES:
            total, current = total + (current or 1) * _SCALES[word], 0
        else:
            value = _UNITS.get(word, _TENS.get(word, 0))
            before = words[place - 1] if place else ""
            continues = before in _TENS and 0 < value < 10
            if before and before not in _SCALES and not continues:
                # As prices are said: "three fifty", "twelve ninety nine".
                if not (0 < current < 100 and value >= 10):
                    return None
                current *= 100
            current += value
    return total + current


def _plain(value: float) -> str:
    return f"{value:g}" if value < 100_000 else f"{value:.0f}"

"""Numbers: cardinals, ordinals, decimals, years, fractions, digits one by one."""

import re

from dialogue.text.languages.rules import numerals
from dialogue.text.languages.rules.numerals import MAX_SPOKEN_DIGITS, in_threes
from dialogue.text.languages.rules.rule import Rule, rule

NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
"""A number as written: 1,234,567.89 or 42. Has no groups."""
SIGNED_NUMBER = rf"(?:(?<![\w)])([-−]))?(?<![\w.])({NUMBER})"
"""Groups: the minus sign or None, the number."""
_MAX_CARDINAL_DIGITS = 15

_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_DENOMINATORS = {2: "half", 4: "quarter"}
_VULGAR = {"½": "one half", "¼": "one quarter", "¾": "three quarters", "⅓": "one third",
           "⅔": "two thirds", "⅛": "one eighth"}  # fmt: skip


def cardinal(value: int) -> str:
    return numerals.cardinal(value, "en")


def ordinal(value: int) -> str:
    return numerals.ordinal(value, "en")


def year(value: int) -> str:
    """1999 is "nineteen ninety-nine", 2024 "twenty twenty-four", 2005 "two thousand five"."""
    if 2010 <= value < 2100:
        return f"twenty {cardinal(value % 100)}"
    return numerals.year(value, "en")


def digits(written: str) -> str:
    """Each digit by itself; other characters are left out."""
    return " ".join(_DIGITS[int(digit)] for digit in written if digit in "0123456789")


def number(written: str) -> str:
    """A number that matches NUMBER, in words."""
    whole, _, decimals = written.replace(",", "").partition(".")
    if len(whole) > _MAX_CARDINAL_DIGITS:
        return digits(written[:MAX_SPOKEN_DIGITS])
    words = digits(whole) if len(whole) > 1 and whole[0] == "0" else cardinal(int(whole))
    return f"{words} point {digits(decimals[:MAX_SPOKEN_DIGITS])}" if decimals else words


def is_one(written: str) -> bool:
    return written == "1"


def plural(words: str) -> str:
    """Of a number in words: "nineteen nineties"."""
    return words[:-1] + "ies" if words.endswith("y") else words + "s"


def _decade(match: re.Match[str]) -> str:
    value = int(match[1])
    return plural(year(value) if value > 99 else cardinal(value))


def _fraction(match: re.Match[str]) -> str | None:
    above, below = int(match[1]), int(match[2])
    if above == below or (above, below) in ((24, 7), (9, 11)):
        return f"{cardinal(above)} {cardinal(below)}"
    if below < 2 or above > 99 or below > 100:
        return f"{cardinal(above)} over {cardinal(below)}"
    part = _DENOMINATORS.get(below) or ordinal(below)
    if above != 1:
        part = "halves" if below == 2 else part + "s"
    return f"{cardinal(above)} {part}"


def _vulgar(match: re.Match[str]) -> str:
    fraction = _VULGAR[match[2]]
    if not match[1]:
        return fraction
    return f"{number(match[1])} and {fraction.replace('one half', 'a half')}"


def _signed(match: re.Match[str]) -> str:
    return ("minus " if match[1] else "") + number(match[2])


def _long(match: re.Match[str]) -> str:
    """A number without separators: an amount when it is round, else an identifier."""
    written = match[0]
    if len(written) <= 9 and written.endswith("000"):
        return number(written)
    return ", ".join(map(digits, in_threes(written)))


DECADES: tuple[Rule, ...] = (
    rule(r"(?<!\w)['’]?(\d0)s\b", _decade),
    rule(r"(?<![\w.,])(1[1-9]\d0|20\d0)['’]?s\b", _decade),
)
RULES: tuple[Rule, ...] = (
    rule(r"(?<![\w,.])(\d{1,9})(?:st|nd|rd|th)\b", lambda m: ordinal(int(m[1])), flags=re.I),
    rule(r"(?<![\w/])(\d{1,3})[/⁄](\d{1,3})(?![\w/])", _fraction),
    rule(rf"(?<!\w)({NUMBER})?\s?([{''.join(_VULGAR)}])", _vulgar),
    rule(
        r"(?<![\w.])\d+(?:\.\d+){2,8}(?![\w.]*\d)",  # a version or an address
        lambda m: " point ".join(number(part) for part in m[0].split(".")),
    ),
    rule(r"(?<![\w.,])(?:1[1-9]\d\d|20\d\d)(?!\w|[.,]\d)", lambda m: year(int(m[0]))),
    rule(r"(?<![\w.,-])\d{7,}(?!\w|[.,]\d)", _long),
    rule(rf"{SIGNED_NUMBER}(?!\w|\.\d)", _signed),
)

"""Dates and times of day."""

import re

from dialogue.text.languages.english.numbers import cardinal, ordinal, year
from dialogue.text.languages.rules.rule import Rule, rule

_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August",
           "September", "October", "November", "December")  # fmt: skip
_SHORT_MONTHS = {name[:3]: name for name in _MONTHS} | {"Sept": "September"}
_MONTH = rf"({'|'.join(_MONTHS)}|(?:{'|'.join(_SHORT_MONTHS)})\b\.?)"
_DAY = r"(\d{1,2})(?:st|nd|rd|th)?"
_END = r"(?![\w]|[.,:/]\d)"


def _month(written: str) -> str:
    name = written.rstrip(".")
    return _SHORT_MONTHS.get(name, name)


def _date(month: str, day: int, year_words: str) -> str | None:
    if not 1 <= day <= 31:
        return None
    return f"{month} {ordinal(day)}" + (f", {year_words}" if year_words else "")


def _month_first(match: re.Match[str]) -> str | None:
    return _date(_month(match[1]), int(match[2]), year(int(match[3])) if match[3] else "")


def _day_first(match: re.Match[str]) -> str | None:
    day = int(match[1])
    if not 1 <= day <= 31:
        return None
    words = f"the {ordinal(day)} of {_month(match[2])}"
    return f"{words}, {year(int(match[3]))}" if match[3] else words


def _iso(match: re.Match[str]) -> str | None:
    month = int(match[2])
    if not 1 <= month <= 12:
        return None
    return _date(_MONTHS[month - 1], int(match[3]), year(int(match[1])))


def _slashes(match: re.Match[str]) -> str | None:
    """Month first, as in the United States, unless that cannot be."""
    month, day = int(match[1]), int(match[2])
    if month > 12 >= day:
        month, day = day, month
    if not 1 <= month <= 12:
        return None
    return _date(_MONTHS[month - 1], day, year(int(match[3])))


def _half_of_day(letter: str) -> str:
    return f"{letter.upper()}.M."  # the dots keep a voice from reading "am" as a verb


def _time(match: re.Match[str]) -> str | None:
    hour, minute = int(match[1]), int(match[2])
    half = match[3]
    if hour > 24 or minute > 59 or (half and not 1 <= hour <= 12):
        return None
    if not half and (hour > 12 or hour == 0):
        half, hour = ("a" if hour in (0, 24) else "p"), hour % 12 or 12
    words = cardinal(hour)
    if minute:
        words += f" oh {cardinal(minute)}" if minute < 10 else f" {cardinal(minute)}"
    elif not half:
        words += " o'clock"
    return f"{words} {_half_of_day(half)}" if half else words


def _hour(match: re.Match[str]) -> str | None:
    hour = int(match[1])
    return f"{cardinal(hour)} {_half_of_day(match[2])}" if 1 <= hour <= 12 else None


RULES: tuple[Rule, ...] = (
    rule(rf"(?<![\w./-])(\d{{4}})-(\d{{2}})-(\d{{2}}){_END}", _iso),
    rule(rf"(?<![\w./-])(\d{{1,2}})/(\d{{1,2}})/(\d{{4}}){_END}", _slashes),
    rule(rf"\b{_MONTH}\s{_DAY}{_END}(?:,?\s(\d{{4}}){_END})?", _month_first),
    rule(
        rf"(?:\b[Tt]he\s)?(?<![\w.,:/]){_DAY}\s(?:of\s)?{_MONTH}(?:,?\s(\d{{4}}){_END})?",
        _day_first,
    ),
    rule(r"(?<![\w:.])(\d{1,2}):(\d{2})(?::\d{2})?(?:\s?([AaPp])\.?[Mm]\b\.?)?(?![\w:])", _time),
    rule(r"(?<![\w:.])(\d{1,2})\s?([AaPp])\.?[Mm]\b\.?", _hour),
)

"""Times of day, spans of them, time zones."""

import re

from dialogue.text.languages.english.dates import date_words
from dialogue.text.languages.english.numbers import before, cardinal, digits, year
from dialogue.text.languages.rules.rule import Rule, rule

_HALF = r"([AaPp])\.?\s?[Mm]\b\.?"
_DASH = r"\s?[-–—]\s?"
_SPAN_BEFORE = re.compile(
    r"\b(?:time|finished|clocked|ran|run|record|duration|lap|in|length|took|lasted|lasts)\s"
    r"(?:of|it in|is|in)?\s?$"
)


def _half_of_day(letter: str) -> str:
    return f"{letter.upper()}.M."  # the dots keep a voice from reading "am" as a verb


def minutes(value: int) -> str:
    """As they follow an hour: "oh five"."""
    return f"oh {cardinal(value)}" if value < 10 else cardinal(value)


def time_words(hour: int, minute: int, half: str | None) -> str | None:
    """Of twelve hours; `half` a or p, None where it was not written. None for no time of day."""
    if hour > 24 or minute > 59 or (half and not 1 <= hour <= 12):
        return None
    if not half and (hour > 12 or hour == 0):
        half, hour = ("a" if hour in (0, 24) else "p"), hour % 12 or 12
    words = cardinal(hour)
    if minute:
        words += f" {minutes(minute)}"
    elif not half:
        words += " o'clock"
    return f"{words} {_half_of_day(half)}" if half else words


def _time(match: re.Match[str]) -> str | None:
    return time_words(int(match[1]), int(match[2]), match[3])


def _hour(match: re.Match[str]) -> str | None:
    hour = int(match[1])
    return f"{cardinal(hour)} {_half_of_day(match[2])}" if 1 <= hour <= 12 else None


def _hours(match: re.Match[str]) -> str | None:
    """ "2-4 pm": the half of the day stands once for both."""
    first, last = int(match[1]), int(match[2])
    if not (1 <= first <= 12 and 1 <= last <= 12):
        return None
    return f"{cardinal(first)} to {cardinal(last)} {_half_of_day(match[3])}"


def _stamp(match: re.Match[str]) -> str | None:
    """ "2024-03-05T14:30:00Z"."""
    date = date_words(int(match[2]), int(match[3]), year(int(match[1])))
    time = time_words(int(match[4]), int(match[5]), None)
    if date is None or time is None:
        return None
    return f"{date}, {time}{_zone(match[6] or '')}"


def _zone(written: str) -> str:
    if not written:
        return ""
    if written in "Zz":
        return " UTC"
    return f" UTC {_offset(written[0], int(written[1:3]), int(written[-2:]))}"


def _offset(sign: str, hours: int, minutes: int) -> str:
    words = f"{'plus' if sign == '+' else 'minus'} {cardinal(hours)}"
    return f"{words} {cardinal(minutes)}" if minutes else words


def _from_utc(match: re.Match[str]) -> str:
    return f"{match[1]} {_offset(match[2], int(match[3]), int(match[4] or 0))}"


def _with_seconds(match: re.Match[str]) -> str | None:
    """A span: "in 2:15:30"; else a time of day, whose seconds are said too."""
    hours, minutes, seconds = int(match[1]), int(match[2]), int(match[3])
    if match[4]:
        words = time_words(hours, minutes, match[4])
        return words if words is None or not seconds else f"{words} and {_count(seconds, 'second')}"
    if _SPAN_BEFORE.search(before(match)):
        parts = (_count(hours, "hour"), _count(minutes, "minute"), _count(seconds, "second"))
        return ", ".join(parts)
    words = time_words(hours, minutes, None)
    return words if words is None or not seconds else f"{words} and {_count(seconds, 'second')}"


def _count(value: int, unit: str) -> str:
    return f"{cardinal(value)} {unit}" + ("" if value == 1 else "s")


def _hours_minutes(match: re.Match[str]) -> str:
    return f"{_count(int(match[1]), 'hour')} {_count(int(match[2]), 'minute')}"


RULES: tuple[Rule, ...] = (
    rule(
        r"(?<![\w./-])(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2})(?::\d{2}(?:[.,]\d{1,9})?)?"
        r"(Z|[+-]\d{2}:?\d{2})?(?![\w:])",
        _stamp,
    ),
    rule(r"\b(UTC|GMT)\s?([-+−–])(\d{1,2})(?::?(\d{2}))?(?![\w:])", _from_utc),
    rule(
        r"(?<![\w:.])(\d{1,2}):(\d{2})\.(\d{1,3})(?!\w)",
        lambda m: f"{cardinal(int(m[1]))} {minutes(int(m[2]))} point {digits(m[3])}",
    ),
    rule(rf"(?<![\w:.])(\d{{1,2}}):(\d{{2}}):(\d{{2}})(?:\s?{_HALF})?(?![\w:])", _with_seconds),
    rule(rf"(?<![\w:.])(\d{{1,2}}):(\d{{2}})(?:\s?{_HALF})?(?![\w:])", _time),
    rule(rf"(?<![\w:.,])(\d{{1,2}})\.(\d{{2}})\s?{_HALF}", _time),
    rule(rf"(?<![\w:.,])(\d{{1,2}}){_DASH}(\d{{1,2}})\s?{_HALF}", _hours),
    rule(rf"(?<![\w:.])(\d{{1,2}})\s?{_HALF}", _hour),
    rule(r"(?<![\w.,])(\d{1,3})h\s?(\d{1,2})(?:m|min)?(?![\w])", _hours_minutes),
    rule(r"(?:(?<=[AaPp][Mm])|(?<=[AaPp]\.[Mm]\.))\s?[-–—]\s?(?=\d|noon\b|midnight\b)", " to "),
    rule(r"(?<=\d)\s?[-–—]\s?(?=noon\b|midnight\b)", " to "),
)

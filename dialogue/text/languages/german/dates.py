"""German: dates and times of day."""

import re

from dialogue.text.languages.german.numbers import cardinal, counted, ordinal, year
from dialogue.text.languages.german.ordinals import MONTHS, context, ending
from dialogue.text.languages.rules.rule import Rule, rule, with_full_stop

_SHORT_MONTHS = {name[:3]: name for name in MONTHS} | {"Sept": "September", "Jänner": "Jänner"}
_MONTH = rf"({'|'.join(MONTHS)}|(?:{'|'.join(_SHORT_MONTHS)})\b\.?)"
_DAYS = {"Mo": "Montag", "Di": "Dienstag", "Mi": "Mittwoch", "Do": "Donnerstag", "Fr": "Freitag",
         "Sa": "Samstag", "So": "Sonntag"}  # fmt: skip
_DAY_NAME = rf"({'|'.join(_DAYS)})\b\.?"
_END = r"(?!\w|[.,:/]\d)"
_WORDS_OF_A_DATE = frozenset(
    "am vom zum bis ab seit vor nach der dem den ist montag dienstag mittwoch donnerstag freitag "
    "samstag sonnabend sonntag mo di mi do fr sa so und".split()
)
"""What stands before a day and month without a year: "3.10." may be a section as well."""


def _date(match: re.Match[str], day: int, month: str, year_words: str) -> str | None:
    if not 1 <= day <= 31:
        return None
    words = f"{ordinal(day, ending(*context(match), alone='er'))} {month}"
    return f"{words} {year_words}" if year_words else words


def _numeric(match: re.Match[str]) -> str | None:
    month = int(match[2])
    if not 1 <= month <= 12:
        return None
    if not match[3] and (context(match)[0] or "").lower() not in _WORDS_OF_A_DATE:
        return None
    words = _date(match, int(match[1]), MONTHS[month - 1], _year(match[3]))
    return words and with_full_stop(words, match)


def _named(match: re.Match[str]) -> str | None:
    name = match[2].rstrip(".")
    words = _date(match, int(match[1]), _SHORT_MONTHS.get(name, name), _year(match[3]))
    return words and with_full_stop(words, match)


def _iso(match: re.Match[str]) -> str | None:
    month = int(match[2])
    if not 1 <= month <= 12:
        return None
    return _date(match, int(match[3]), MONTHS[month - 1], _year(match[1]))


def _year(written: str | None) -> str:
    if not written:
        return ""
    return (
        f"null {cardinal(int(written))}" if re.fullmatch("0[1-9]", written) else year(int(written))
    )


def _time(match: re.Match[str]) -> str | None:
    hour, minute = int(match[1]), int(match[2])
    if hour > 24 or minute > 59:
        return None
    return f"{counted(hour)} Uhr" + (f" {cardinal(minute)}" if minute else "")


def _hours(match: re.Match[str]) -> str | None:
    first, last = int(match[1]), int(match[2])
    if max(first, last) > 24:
        return None
    return f"{counted(first)} bis {counted(last)} Uhr"


def _day_name(match: re.Match[str]) -> str:
    return _DAYS[match[1]]


def _days(match: re.Match[str]) -> str:
    return f"{_DAYS[match[1]]} bis {_DAYS[match[2]]}"


RULES: tuple[Rule, ...] = (
    rule(rf"(?<![\w./-])(\d{{4}})-(\d{{2}})-(\d{{2}}){_END}", _iso),
    rule(rf"(?<![\w./-])(\d{{1,2}})\.\s?(\d{{1,2}})\.\s?(\d{{4}}|\d{{2}}(?!\d)){_END}", _numeric),
    rule(r"(?<![\w./-])(\d{1,2})\.\s?(\d{1,2})\.()(?![\w.])", _numeric),
    rule(rf"(?<![\w./-])(\d{{1,2}})\.\s?{_MONTH}(?!\w)(?:\s(\d{{4}}){_END})?", _named),
    rule(r"(?<![\w:.,])(\d{1,2})\s?[-–]\s?(\d{1,2})\s(?:Uhr|h)\b", _hours),
    rule(r"(?<![\w:.,])(\d{1,2}):(\d{2})(?::\d{2})?(?:\s?(?:Uhr|h)\b)?(?![\w:])", _time),
    rule(r"(?<![\w:.,])(\d{1,2})\.(\d{2})\s?Uhr\b", _time),
    rule(r"(?<![\w:.,])(\d{1,2})()\sUhr\b", lambda m: f"{counted(int(m[1]))} Uhr"),
    rule(rf"\b{_DAY_NAME}\s?[-–]\s?{_DAY_NAME}(?!\w)", _days),
    rule(r"\b(Mo|Di|Mi|Do|Sa)\.(?=[,\s])", _day_name),
    rule(r"\b(Fr|So)\.(?=,|\s\d)", _day_name),
)

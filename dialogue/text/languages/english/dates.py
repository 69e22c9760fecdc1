"""Dates, spans of dates, days of the week."""

import re

from dialogue.text.languages.english.numbers import after, before, cardinal, digits, ordinal, year
from dialogue.text.languages.rules.rule import Rule, rule

MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August",
          "September", "October", "November", "December")  # fmt: skip
_SHORT_MONTHS = {name[:3]: name for name in MONTHS} | {"Sept": "September"}
_DOTTED_MONTH = "|".join(name for name in _SHORT_MONTHS if name not in ("May", "Mar", "Jun"))
_LOWER = "|".join(
    n for m in (*MONTHS, *_SHORT_MONTHS) if (n := m.lower()) not in ("may", "march", "mar")
)
MONTH = (
    rf"((?:{'|'.join(MONTHS)}|{'|'.join(m.upper() for m in MONTHS)})(?!\w)|"
    rf"(?:{'|'.join(_SHORT_MONTHS)}|{_LOWER}|{'|'.join(m.upper() for m in _SHORT_MONTHS)})\b\.?)"
)
"""Lower case where it is no other word: "january", but "they may 5 times"."""
_DAY = r"(\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?:,?\s(\d{4})(?![\w]|[.,:/]\d))?"
_END = r"(?![\w]|[.,:/]\d)"
_DASH = r"\s?[-–—]\s?"
_WEEKDAYS = {
    "Mon": "Monday", "Tue": "Tuesday", "Tues": "Tuesday", "Wed": "Wednesday", "Weds": "Wednesday",
    "Thu": "Thursday", "Thur": "Thursday", "Thurs": "Thursday", "Fri": "Friday",
    "Sat": "Saturday", "Sun": "Sunday",
}  # fmt: skip
_LONG = "|".join(_WEEKDAYS.values())
WEEKDAY = rf"({_LONG}|(?:{'|'.join(sorted(_WEEKDAYS, key=len, reverse=True))})\b\.?)"
_MAX_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_DUE = re.compile(
    r"\b(?:due|on|until|till|since|dated?|expires?|expiring|starts?|ends?|starting|ending|born|"
    r"deadline|today|tomorrow|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
    r",?\s(?:by|on|is)?\s?$",
    re.I,
)


def month(written: str) -> str:
    name = written.rstrip(".").capitalize()
    return _SHORT_MONTHS.get(name, name)


def date_words(month_number: int, day: int, year_words: str = "") -> str | None:
    """None where there is no such day."""
    if not (1 <= month_number <= 12 and 1 <= day <= _MAX_DAYS[month_number - 1]):
        return None
    words = f"{MONTHS[month_number - 1]} {ordinal(day)}"
    return f"{words}, {year_words}" if year_words else words


def _year(written: str | None) -> str:
    return year(int(written)) if written else ""


def _named(name: str, day: int, written_year: str | None) -> str | None:
    return date_words(MONTHS.index(month(name)) + 1, day, _year(written_year))


def _month_first(match: re.Match[str]) -> str | None:
    return _named(match[1], int(match[2]), match[3])


def _day_first(match: re.Match[str]) -> str | None:
    day = int(match[1])
    if not 1 <= day <= 31:
        return None
    words = f"the {ordinal(day)} of {month(match[2])}"
    return f"{words}, {year(int(match[3]))}" if match[3] else words


def _iso(match: re.Match[str]) -> str | None:
    return date_words(int(match[3]), int(match[4]), year(int(match[1])))


def _slashes(match: re.Match[str]) -> str | None:
    """Month first, as in the United States, unless that cannot be."""
    first, second = int(match[1]), int(match[2])
    if first > 12 >= second:
        first, second = second, first
    if len(match[3]) == 4:
        return date_words(first, second, year(int(match[3])))
    return date_words(first, second, _short_year(match[3]))


def _short_year(written: str) -> str:
    value = int(written)
    return year(2000 + value if value < 50 else 1900 + value)


def _dots(match: re.Match[str]) -> str | None:
    """Day first, as where dots are written, unless that cannot be."""
    day, number = int(match[1]), int(match[2])
    if number > 12 >= day:
        day, number = number, day
    return date_words(number, day, year(int(match[3])))


def _due(match: re.Match[str]) -> str | None:
    """ "Due 1/15" is a date, "add 1/2" is none."""
    return date_words(int(match[1]), int(match[2])) if _DUE.search(before(match)) else None


def _days(match: re.Match[str]) -> str | None:
    """ "June 3-7, 2024"."""
    first, last = int(match[2]), int(match[3])
    if not 1 <= first < last <= 31:
        return None
    words = f"{month(match[1])} {ordinal(first)} to {ordinal(last)}"
    return f"{words}, {year(int(match[4]))}" if match[4] else words


def _days_first(match: re.Match[str]) -> str | None:
    """ "10-12 October"."""
    first, last = int(match[1]), int(match[2])
    if not 1 <= first < last <= 31:
        return None
    words = f"the {ordinal(first)} to the {ordinal(last)} of {month(match[3])}"
    return f"{words}, {year(int(match[4]))}" if match[4] else words


def _months(match: re.Match[str]) -> str:
    return f"{month(match[1])} to {month(match[2])}"


def _before_year(match: re.Match[str]) -> str:
    return f"{month(match[1])} {year(int(match[2]))}"


def _short_range(match: re.Match[str]) -> str | None:
    """ "1939-45": a year and the end of another."""
    if int(match[2]) <= int(match[1][2:]):
        return None
    tail = digits(match[2]).replace("zero", "oh") if match[2][0] == "0" else cardinal(int(match[2]))
    return f"{year(int(match[1]))} to {tail}"


def _weekday(written: str) -> str:
    name = written.rstrip(".")
    return _WEEKDAYS.get(name, name)


def _weekdays(match: re.Match[str]) -> str:
    return f"{_weekday(match[1])} to {_weekday(match[2])}"


def _alone(match: re.Match[str]) -> str | None:
    """A short day before a date or time: "Sun" alone may be the sun."""
    if match[1].rstrip(".") not in _WEEKDAYS:
        return None
    return _weekday(match[1]) if re.match(rf",?\s(?:{MONTH}|\d|at\s\d)", after(match)) else None


RULES: tuple[Rule, ...] = (
    rule(r"(?<![\w./-])(\d{4})([-/])(\d{1,2})\2(\d{1,2})(?![\w/-]|[.,:]\d)", _iso),
    rule(rf"(?<![\w./-])(\d{{1,2}})/(\d{{1,2}})/(\d{{4}}|\d\d){_END}", _slashes),
    rule(rf"(?<![\w./-])(\d{{1,2}})\.(\d{{1,2}})\.(\d{{4}}){_END}", _dots),
    rule(r"(?<![\w./-])(\d{1,2})/(\d{1,2})(?![\w/]|\.\d)", _due),
    rule(rf"\b{MONTH}\s{_DAY}{_DASH}{_DAY}{_END}{_YEAR}", _days),
    rule(rf"(?<![\w.,:/]){_DAY}{_DASH}{_DAY}\s(?:of\s)?{MONTH}{_YEAR}", _days_first),
    rule(rf"\b{MONTH}\s{_DAY}{_END}{_YEAR}", _month_first),
    rule(
        rf"(?:\b[Tt]he\s)?(?<![\w.,:/]){_DAY}\s(?:of\s)?{MONTH}(?!\w){_YEAR}",
        _day_first,
    ),
    rule(rf"\b{MONTH}{_DASH}{MONTH}(?!\w)", _months),
    rule(rf"\b{MONTH},?\s((?:1[5-9]|20)\d\d){_END}", _before_year),
    rule(rf"\b{WEEKDAY}{_DASH}{WEEKDAY}(?!\w)", _weekdays),
    rule(rf"\b{WEEKDAY}", _alone),
    rule(rf"\b((?:{_DOTTED_MONTH})\.)(?=\s\w)", lambda m: month(m[1])),
    rule(rf"(?<=\d[stndrh][tdh])\s?[-–—]\s?(?={MONTH})", " to "),
    rule(rf"(?<=\d)\s?[-–—]\s?(?={MONTH}\s\d)", " to "),
    rule(r"(?<![\w.,-])((?:1[1-9]|20)\d\d)[-–](\d\d)(?![\w-]|[.,:/]\d)", _short_range),
)  # fmt: skip

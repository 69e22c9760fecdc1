"""What a text says of the price, in digits: see `number_words.with_digits`."""

import math
import re
from dataclasses import dataclass

CENT = 0.01
AROUND = 0.15
"""How far "around 300" may be from 300."""

_SIGNS = {"$": "USD", "€": "EUR", "£": "GBP"}
_NAMES = {
    "dollar": "USD",
    "buck": "USD",
    "usd": "USD",
    "euro": "EUR",
    "eur": "EUR",
    "pound": "GBP",
    "gbp": "GBP",
    "quid": "GBP",
}
_CURRENCY_NAME = r"dollars?|bucks?|usd|euros?|eur|pounds?|gbp|quid"
IN_INCHES = r"in\b(?=\s*(?:[.,;:)¤]|$|tv|television|monitor|laptop|screen|display|tablet))"
"""The unit, and not the word: "27 in monitor", but "under 250 in black"."""
_SIZE_BEHIND = (
    rf"\s?-?\s?(?:inch|inches|{IN_INCHES}|\"|gb|gigabyte|tb|liter|litre|l\b|mm|piece"
    r"|pieces|of them|%|percent|star)"
)
_MONEY = (
    r"(?P<sign{n}>[$€£])?\s?(?P<value{n}>\d+(?:\.\d+)?)(?!\d|\.\d)"
    rf"(?:\s?(?P<name{{n}}>(?:{_CURRENCY_NAME})\b|[$€£])|(?(sign{{n}})|(?!{_SIZE_BEHIND})))"
)
"""A number with its currency; without one it may be a size."""


def _money(number: int = 1) -> str:
    return _MONEY.format(n=number)


_BELOW = (
    r"(?:(?:\b(?:under|below|less than|cheaper than|lower than|beneath|fewer than|inside|within))"
    r"(?: the| a)?(?: price of| budget of)?|<(?!=))"
)
_AT_MOST = (
    r"(?:(?:<=|≤)|\b(?:at (?:the )?most|up to|(?:no|not|nothing|never|none) more than"
    r"|nothing over|nothing above|(?:none|neither)(?: of \w+)?"
    r"(?: (?:should|must|may|can|be|cost|costs|costing|go|is|are))* (?:over|above|more than)"
    r"|not over|not above|maximum(?: of| is)?|max(?:imum)?\.?:?(?: of)?|tops"
    r"|not (?:to )?exceed(?:ing)?|(?:mustn't|shouldn't|can't|cannot|won't|doesn't) exceed"
    r"|capped at|no higher than"
    r"|(?:can(?:'t|not| not)|(?:should|must|would|do|does|will)(?:n't| not)|won't|not)"
    r"(?: (?:be|cost|go|spend|pay|want|to|any|it|that|is|anything))* (?:more than|over|above)"
    r"|budget(?: is| of|:)?(?: about| around)?|spend(?: up to)?|pay(?: up to)?"
    r"|i(?:'ve| have)(?: got)?|limit(?: is| of)?|for))"
)
_ABOVE = (
    r"(?:(?:>=?|≥)|\b(?:over|above|more than|at least|from|starting at|minimum(?: of)?"
    r"|no less than|not less than|not under|not below|upwards of|no cheaper than))"
)
_AROUND = (
    r"(?:~|≈|\b(?:around|about|roughly|approximately|approx\.?|circa|some|near(?:ly)?|close to))"
)
_LESS = r"(?:or less|or under|or below|at most|max(?:imum)?\b|tops\b|or cheaper|budget|limit)"
_MORE = r"(?:or more|and up|or above|upwards|minimum)"
_RANGE = (
    rf"(?:between|from|anywhere (?:from|between)|budget(?: is| of|:)?)?\s*{_money(1)}\s?"
    rf"(?P<joiner>and|to|-|–|—|through|till|until)\s?{_money(2)}"
)

_RULES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        ("between", _RANGE),
        ("at most", rf"{_AT_MOST}\s*{_money()}"),
        ("at most", rf"{_money()}\s*{_LESS}"),
        ("at least", rf"{_money()}\s*{_MORE}"),
        ("below", rf"{_BELOW}\s*{_money()}"),
        ("at least", rf"{_ABOVE}\s*{_money()}"),
        ("around", rf"{_AROUND}\s*{_money()}"),
        ("bare", _money()),
    )
)
_TOTAL = re.compile(
    r"\b(?:total|in sum|altogether|(?:all )?together|in all|all in\b|combined"
    r"|for (?:all|both|the (?:\d+|pair|set))|for the lot|overall)\b"
)
_LEAST_AROUND = 15
"""Smaller bare numbers after "about" are counts and sizes."""
_LEAST_FOR = 20
"""Smaller bare numbers after "for" are people."""


@dataclass(frozen=True)
class Budget:
    """Lowest and highest price, both allowed; None: not restricted."""

    low: float | None = None
    high: float | None = None
    currency: str = "USD"
    is_total: bool = False


def budget_in(
    text: str, *, is_answer: bool = False, least: float = math.inf
) -> tuple[Budget | None, str]:
    """The budget that the text names, and the text without it. None: it names none.

    `least`: a range of bare numbers up to as much is one of prices.

    A bare amount is one where a currency stands by it, or where the text answers the question for
    a budget (`is_answer`).
    """
    is_total = bool(_TOTAL.search(text))
    for name, pattern in _RULES:
        for found in pattern.finditer(text):
            budget = _read(name, found, is_answer=is_answer, least=least)
            if budget is None:
                continue
            rest = f"{text[: found.start()]} , {text[found.end() :]}"
            if budget.low is None or budget.high is None:  # "over 100 but under 300"
                other, rest_of_other = budget_in(rest)
                if other is not None and (other.low is None) != (budget.low is None):
                    low = budget.low if budget.low is not None else other.low
                    high = budget.high if budget.high is not None else other.high
                    return Budget(low, high, budget.currency, is_total), rest_of_other
            return Budget(budget.low, budget.high, budget.currency, is_total), rest
    return None, text


def _read(name: str, found: re.Match[str], *, is_answer: bool, least: float) -> Budget | None:
    """The budget of one match; None: it is none after all."""
    groups, words = found.groupdict(), found[0].lstrip()
    value, currency, is_money = _amount(groups, 1)
    budget: Budget | None = None
    match name:
        case "between":
            budget = _between(groups, words, is_answer=is_answer, least=least)
        case "bare" if is_money or is_answer:
            budget = Budget(None, value, currency)
        case "around" if is_money or value >= _LEAST_AROUND:
            low, high = value * (1 - AROUND), value * (1 + AROUND)
            budget = Budget(round(low, 2), round(high, 2), currency)
        case "below":
            budget = Budget(None, round(value - CENT, 2), currency)
        case "at most" if is_money or value >= _LEAST_FOR or not words.startswith(("for ", "i")):
            budget = Budget(None, value, currency)
        case "at least" if is_money or not words.startswith("from"):
            is_above = re.match(r"(?:over|above|more than)\b", words)
            budget = Budget(round(value + CENT, 2) if is_above else value, None, currency)
    return budget


def _between(
    groups: dict[str, str | None], words: str, *, is_answer: bool, least: float
) -> Budget | None:
    low, currency, low_is_money = _amount(groups, 1)
    high, other, high_is_money = _amount(groups, 2)
    if groups["joiner"] == "and" and "between" not in words:
        return None  # "under 700 dollars and 13 inches"
    is_range = words.startswith(("between", "from", "anywhere", "budget"))
    is_price = is_range or low_is_money or high_is_money or is_answer
    if not is_price and (max(low, high) < least or min(low, high) < _LEAST_AROUND):
        return None
    if low < 10 and high >= 100 and high % 100 == 0:  # "between two and four hundred"
        low *= 1000 if high >= 1000 and high % 1000 == 0 else 100
    low, high = sorted((low, high))
    return Budget(low, high, other if high_is_money else currency)


def _amount(groups: dict[str, str | None], number: int) -> tuple[float, str, bool]:
    """Value, currency, and whether a currency was named."""
    sign, name = groups.get(f"sign{number}"), groups.get(f"name{number}")
    told = sign or name
    currency = (_SIGNS.get(told) or _NAMES[told.rstrip("s")]) if told else "USD"
    return float(groups[f"value{number}"] or 0), currency, bool(told)

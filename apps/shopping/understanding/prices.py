"""What a text says of the price, in digits: see `number_words.with_digits`."""

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
_MONEY = r"(?P<sign{n}>[$€£])?\s?(?P<value{n}>\d+(?:\.\d+)?)(?:\s?(?P<name{n}>dollars?|bucks?|usd|euros?|eur|pounds?|gbp|quid)\b)?"
_NO_SIZE = r"(?!\s?-?\s?(?:inch|inches|in\b|\"|gb|gigabyte|tb|liter|litre|l\b|mm|piece|pieces|of them|%|percent|star))(?!\d)(?!\.\d)"


def _money(number: int = 1) -> str:
    return _MONEY.format(n=number) + _NO_SIZE


_BELOW = (
    r"(?:under|below|less than|cheaper than|lower than|beneath|fewer than|inside|within)"
    r"(?: the| a)?(?: price of| budget of)?"
)
_AT_MOST = (
    r"(?:at most|up to|no more than|not more than|nothing over|nothing above|not over|not above"
    r"|maximum(?: of| is)?|max(?:imum)?\.?(?: of)?|tops|not exceeding|(?:can(?:'t|not)|don't want to"
    r"|do not want to|won't) (?:spend|pay|go)(?: any)? (?:more than|over|above)"
    r"|budget(?: is| of|:)?(?: about| around)?|spend(?: up to)?|pay(?: up to)?|i(?:'ve| have)(?: got)?|limit(?: is| of)?"
    r"|\bfor)"
)
_ABOVE = r"(?:over|above|more than|at least|from|starting at|minimum(?: of)?|no less than|not less than|not under|not below|upwards of|no cheaper than)"
_AROUND = r"(?:around|about|roughly|approximately|approx\.?|circa|some)"

_RULES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        (
            "between",
            rf"(?:between|from|anywhere from)?\s*{_MONEY.format(n=1)}\s?(?:and|to|-|–|through)\s?{_money(2)}",
        ),
        ("at most", rf"\b{_AT_MOST}\s+{_money()}"),
        ("at most", rf"{_money()}\s*(?:or less|or under|or below|at most|max(?:imum)?\b|tops\b|or cheaper|budget|limit)"),
        ("at least", rf"{_money()}\s*(?:or more|and up|or above|upwards|minimum)"),
        ("below", rf"\b{_BELOW}\s+{_money()}"),
        ("at least", rf"\b{_ABOVE}\s+{_money()}"),
        ("around", rf"\b{_AROUND}\s+{_money()}"),
        ("bare", _money()),
    )
)
_TOTAL = re.compile(r"\b(?:in total|altogether|all together|in all|for (?:all|both)|total budget|combined|for the lot|overall)\b")


@dataclass(frozen=True)
class Budget:
    """Lowest and highest price, both allowed; None: not restricted."""

    low: float | None = None
    high: float | None = None
    currency: str = "USD"
    is_total: bool = False


def budget_in(text: str, *, is_answer: bool = False) -> tuple[Budget | None, str]:
    """The budget that the text names, and the text without it. None: it names none.

    A bare amount is one where a currency stands by it, or where the text answers the question for
    a budget (`is_answer`).
    """
    is_total = bool(_TOTAL.search(text))
    for name, pattern in _RULES:
        for found in pattern.finditer(text):
            budget = _read(name, found, text, is_answer=is_answer)
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


def _read(name: str, found: re.Match[str], text: str, *, is_answer: bool) -> Budget | None:
    groups = found.groupdict()
    value, currency, is_money = _amount(groups, 1)
    if name == "between":
        high, other, other_is_money = _amount(groups, 2)
        begins = found[0].lstrip().startswith(("between", "from", "anywhere"))
        if not (begins or is_money or other_is_money or is_answer):
            return None
        if value < 10 and high >= 100 and high % 100 == 0:  # "between two and four hundred"
            value *= 1000 if high >= 1000 and high % 1000 == 0 else 100
        low, high = sorted((value, high))
        return Budget(low, high, other if other_is_money else currency)
    if name == "bare":
        if not (is_money or is_answer):
            return None
        return Budget(None, value, currency)
    if name == "at most" and found[0].lstrip().startswith(("for ", "i ", "i'", "some")) and not is_money:
        if value < 20:  # "for 2 people"
            return None
    if name == "around":
        if not is_money and value < 15:
            return None
        return Budget(round(value * (1 - AROUND), 2), round(value * (1 + AROUND), 2), currency)
    if name == "below":
        return Budget(None, round(value - CENT, 2), currency)
    if name == "at most":
        return Budget(None, value, currency)
    exact = not re.match(r"\s*(?:over|above|more than)\b", found[0])
    if found[0].lstrip().startswith("from") and not is_money:
        return None
    return Budget(value if exact else round(value + CENT, 2), None, currency)


def _amount(groups: dict[str, str | None], number: int) -> tuple[float, str, bool]:
    """Value, currency, and whether a currency was named."""
    sign, name = groups.get(f"sign{number}"), groups.get(f"name{number}")
    currency = _SIGNS[sign] if sign else _NAMES[name.rstrip("s")] if name else "USD"
    return float(groups[f"value{number}"] or 0), currency, bool(sign or name)

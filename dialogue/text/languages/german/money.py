"""German: amounts of money: 5 €, 12,50 Euro, 1,2 Mio. €, $ 5, CHF 20."""

import re
from dataclasses import dataclass

from dialogue.text.languages.german.numbers import NUMBER, counted, number
from dialogue.text.languages.rules.rule import Rule, rule


@dataclass(frozen=True)
class _Currency:
    """German counts money in the singular: "fünf Euro"."""

    name: str
    cent: str = ""


_EURO = _Currency("Euro", "Cent")
_DOLLAR = _Currency("Dollar", "Cent")
_POUND = _Currency("Pfund", "Pence")
_FRANC = _Currency("Franken", "Rappen")
_YEN = _Currency("Yen")
_CURRENCIES = {
    "€": _EURO, "EUR": _EURO, "EURO": _EURO, "$": _DOLLAR, "US$": _DOLLAR, "USD": _DOLLAR,
    "DOLLAR": _DOLLAR, "£": _POUND, "GBP": _POUND, "¥": _YEN, "JPY": _YEN, "CHF": _FRANC,
    "SFR": _FRANC, "FRANKEN": _FRANC,
}  # fmt: skip
_SCALES = {
    "tsd": ("tausend", "tausend"),
    "tausend": ("tausend", "tausend"),
    "mio": ("Million", "Millionen"),
    "million": ("Million", "Millionen"),
    "millionen": ("Million", "Millionen"),
    "mrd": ("Milliarde", "Milliarden"),
    "milliarde": ("Milliarde", "Milliarden"),
    "milliarden": ("Milliarde", "Milliarden"),
    "bio": ("Billion", "Billionen"),
}
SCALE = r"(Tsd\.?|tausend|Mio\.?|Millionen|Million|Mrd\.?|Milliarden|Milliarde|Bio\.)"
_SYMBOLS = r"US\$|USD|EUR|GBP|JPY|CHF|SFr\.?|[$€£¥]"
_BARE = r"(?:,(?:--|—|-|–)(?=\s|$))?"
"""The dash in "12,- €"."""


def scaled(written: str, scale: str) -> str:
    """1,2 and "Mio." are "eins Komma zwei Millionen"."""
    one, many = _SCALES[scale.rstrip(".").lower()]
    if written == "1":
        return f"ein{'' if one == 'tausend' else 'e'} {one}"
    return f"{number(written)} {many}"


def _say(currency: _Currency, written: str, scale: str | None) -> str:
    if scale:
        return f"{scaled(written, scale)} {currency.name}"
    whole, _, decimals = written.partition(",")
    if not currency.cent or len(decimals) != 2:
        return f"{number(written, one='ein')} {currency.name}"
    cents = int(decimals)
    if not whole.strip("0.") and cents:
        return f"{counted(cents)} {currency.cent}"
    words = f"{number(whole, one='ein')} {currency.name}"
    if not cents:
        return words
    return f"{words} {number(decimals)}" if cents > 9 else (
        f"{words} und {counted(cents)} {currency.cent}"
    )  # fmt: skip


def _before(match: re.Match[str]) -> str:
    sign = "minus " if match[1] else ""
    return sign + _say(_CURRENCIES[match[2].strip().rstrip(".").upper()], match[3], match[4])


def _after(match: re.Match[str]) -> str:
    sign = "minus " if match[1] else ""
    return sign + _say(_CURRENCIES[match[4].rstrip(".").upper()], match[2], match[3])


def _cents(match: re.Match[str]) -> str:
    return f"{number(match[1], one='ein')} Cent"


RULES: tuple[Rule, ...] = (
    rule(
        rf"(?<![\w.,])([-−])?({NUMBER}){_BARE}(?:\s?{SCALE})?\s?"
        rf"((?:{_SYMBOLS})(?![\w])|(?:Euro|Dollar|Franken)\b)",
        _after,
    ),
    rule(
        rf"(?<![\w$€£¥])([-−])?((?:{_SYMBOLS})\s?)({NUMBER}){_BARE}(?:\s?{SCALE})?(?!\w|[.,]\d)",
        _before,
    ),
    rule(rf"(?<![\w.,])({NUMBER})\s?(?:ct|Ct|¢)\b\.?", _cents),
    rule(rf"(?<![\w.,])({NUMBER})\s?{SCALE}(?!\w)", lambda m: scaled(m[1], m[2])),
    rule(r"(?:(?<=[€$£%])|(?<=EUR)|(?<=Euro))\s?/\s?(?=\w)", " pro "),
)

"""Amounts of money: $5.50, 5 €, £1.2 million, USD 5."""

import re
from dataclasses import dataclass

from dialogue.text.languages.english.numbers import NUMBER, is_one, number
from dialogue.text.languages.rules.rule import Rule, rule


@dataclass(frozen=True)
class _Currency:
    one: str
    many: str
    cent: str = ""
    cents: str = ""


_DOLLAR = _Currency("dollar", "dollars", "cent", "cents")
_EURO = _Currency("euro", "euros", "cent", "cents")
_POUND = _Currency("pound", "pounds", "penny", "pence")
_YEN = _Currency("yen", "yen")
_CURRENCIES = {
    "$": _DOLLAR, "US$": _DOLLAR, "USD": _DOLLAR, "€": _EURO, "EUR": _EURO,
    "£": _POUND, "GBP": _POUND, "¥": _YEN, "JPY": _YEN,
}  # fmt: skip
_SCALES = {"k": "thousand", "m": "million", "mn": "million", "bn": "billion", "b": "billion"}

_SCALE = r"(?:\s(thousand|million|billion|trillion)\b|(k|mn?|bn?)\b)?"


def _say(currency: _Currency, written: str, scale: str | None) -> str:
    if scale:
        return f"{number(written)} {_SCALES.get(scale.lower(), scale.lower())} {currency.many}"
    whole, _, decimals = written.partition(".")
    if not currency.cent or len(decimals) != 2:
        return f"{number(written)} {currency.one if is_one(written) else currency.many}"
    parts = []
    if whole.strip("0,") or decimals == "00":
        parts.append(f"{number(whole)} {currency.one if is_one(whole) else currency.many}")
    if decimals != "00":
        cents = int(decimals)
        parts.append(f"{number(str(cents))} {currency.cent if cents == 1 else currency.cents}")
    return " and ".join(parts)


def _before(match: re.Match[str]) -> str:
    sign = "minus " if match[1] else ""
    return sign + _say(_CURRENCIES[match[2].strip().upper()], match[3], match[4] or match[5])


def _after(match: re.Match[str]) -> str:
    sign = "minus " if match[1] else ""
    return sign + _say(_CURRENCIES[match[5]], match[2], match[3] or match[4])


RULES: tuple[Rule, ...] = (
    rule(
        rf"(?<![\w$€£¥])([-−])?(US\$|USD\s|EUR\s|GBP\s|JPY\s|[$€£¥]\s?)({NUMBER}){_SCALE}"
        r"(?![\w]|[.,]\d)",
        _before,
        flags=re.I,
    ),
    rule(
        rf"(?<![\w.,])([-−])?({NUMBER}){_SCALE}\s?([€£¥$](?!\d)|USD\b|EUR\b|GBP\b|JPY\b)",
        _after,
    ),
)

"""Amounts of money and rates: $5.50, 5 €, £1.2 million, A$5, 5¢, $10-20, €20/hr."""

import re
from dataclasses import dataclass

from dialogue.text.languages.english.numbers import (
    NUMBER,
    after,
    before,
    is_one,
    number,
)
from dialogue.text.languages.rules.rule import Rule, rule


@dataclass(frozen=True)
class _Currency:
    one: str
    many: str
    cent: str = ""
    cents: str = ""


def _dollars(of: str = "") -> _Currency:
    return _Currency(f"{of}dollar", f"{of}dollars", "cent", "cents")


_EURO = _Currency("euro", "euros", "cent", "cents")
_POUND = _Currency("pound", "pounds", "penny", "pence")
_RUPEE = _Currency("rupee", "rupees", "paisa", "paise")
_YUAN = _Currency("yuan", "yuan")
_YEN = _Currency("yen", "yen")
_WON = _Currency("won", "won")
_CURRENCIES = {
    "$": _dollars(), "US$": _dollars("U.S. "), "A$": _dollars("Australian "),
    "AU$": _dollars("Australian "), "C$": _dollars("Canadian "), "CA$": _dollars("Canadian "),
    "NZ$": _dollars("New Zealand "), "HK$": _dollars("Hong Kong "), "S$": _dollars("Singapore "),
    "NT$": _dollars("Taiwan "), "R$": _Currency("real", "reais", "centavo", "centavos"),
    "MX$": _Currency("Mexican peso", "Mexican pesos", "centavo", "centavos"),
    "USD": _dollars(), "AUD": _dollars("Australian "), "CAD": _dollars("Canadian "),
    "NZD": _dollars("New Zealand "), "HKD": _dollars("Hong Kong "), "SGD": _dollars("Singapore "),
    "€": _EURO, "EUR": _EURO, "£": _POUND, "GBP": _POUND, "¥": _YEN, "JPY": _YEN,
    "₹": _RUPEE, "INR": _RUPEE, "Rs": _RUPEE, "₩": _WON, "KRW": _WON, "CNY": _YUAN, "RMB": _YUAN,
    "CHF": _Currency("Swiss franc", "Swiss francs", "centime", "centimes"),
    "₽": _Currency("ruble", "rubles"), "RUB": _Currency("ruble", "rubles"),
    "₺": _Currency("lira", "lira"), "TRY": _Currency("Turkish lira", "Turkish lira"),
    "₪": _Currency("shekel", "shekels"), "ILS": _Currency("shekel", "shekels"),
    "₫": _Currency("dong", "dong"), "₱": _Currency("peso", "pesos"),
    "₦": _Currency("naira", "naira"),
    "₴": _Currency("hryvnia", "hryvnias"), "฿": _Currency("baht", "baht"),
    "THB": _Currency("baht", "baht"), "₿": _Currency("bitcoin", "bitcoins"),
    "BTC": _Currency("bitcoin", "bitcoins"), "zł": _Currency("zloty", "zlotys"),
    "PLN": _Currency("zloty", "zlotys"), "kr": _Currency("krona", "kronor"),
    "SEK": _Currency("Swedish krona", "Swedish kronor"),
    "NOK": _Currency("Norwegian krone", "Norwegian kroner"),
    "DKK": _Currency("Danish krone", "Danish kroner"), "ZAR": _Currency("rand", "rand"),
    "MXN": _Currency("Mexican peso", "Mexican pesos"), "BRL": _Currency("real", "reais"),
}  # fmt: skip
_SCALES = {"k": "thousand", "m": "million", "mn": "million", "mm": "million", "bn": "billion",
           "b": "billion", "t": "trillion", "tn": "trillion"}  # fmt: skip

_SCALE_WORDS = "thousand|million|billion|trillion|lakh|crore"
_SCALE = rf"(?:[\s-]({_SCALE_WORDS})\b|(k|mn|mm|bn|tn|[mbtMBTK])\b)?"
_SIGNS = "|".join(
    re.escape(s) for s in sorted(_CURRENCIES, key=len, reverse=True) if not s.isalpha()
)
_CODES = "|".join(s for s in _CURRENCIES if s.isalpha() and s.isupper())
_BEFORE = rf"(?:{_SIGNS})\s?|(?:{_CODES}|Rs\.?|kr\.?)\s"
_NUMBER = (
    rf"\d{{1,3}}(?:\.\d{{3}})+,\d\d|\d+,\d\d(?!\d)|\d{{1,2}}(?:,\d\d)+,\d{{3}}|{NUMBER}|\.\d\d"
)
_ADJECTIVE_BEFORE = re.compile(r"\b(?:an?|another|every|per|each|this|no)\s$", re.I)
FUNCTION_WORDS = frozenset(
    "a about after all an and are as at because before below but by can could did do does each "
    "for from had has have he his how if in into is it its just less more most no not now of off "
    "on only or out over per she so than that the then they this through to today too up was we "
    "were when where which while who will with would you".split()
)
"""What follows a measure that is no noun: "$5 more", not "a $5 bill"."""


def stands_before_noun(match: re.Match[str]) -> bool:
    """Whether an amount is what kind of thing follows: "a $5 bill", "a 20 km run"."""
    following = re.match(r"[\s-]([a-z]{2,})\b", after(match))
    return bool(
        following and following[1] not in FUNCTION_WORDS and _ADJECTIVE_BEFORE.search(before(match))
    )


def _amount(written: str) -> str:
    if re.fullmatch(r"[\d.]+,\d\d", written):
        return written.replace(".", "").replace(",", ".")
    return written


def _say(currency: _Currency, written: str, scale: str | None, *, single: bool = False) -> str:
    name = currency.one if single else currency.many
    written = _amount(written)
    if scale:
        return f"{number(written)} {_SCALES.get(scale.lower(), scale.lower())} {name}"
    whole, _, decimals = written.partition(".")
    if len(decimals) == 1 and currency.cent:
        decimals += "0"
    if not currency.cent or len(decimals) != 2:
        return f"{number(written)} {currency.one if is_one(written) else name}"
    parts = []
    if whole.strip("0,") or decimals == "00":
        parts.append(f"{number(whole)} {currency.one if is_one(whole) else name}")
    if decimals != "00":
        cents = int(decimals)
        one = cents == 1 or single
        parts.append(f"{number(str(cents))} {currency.cent if one else currency.cents}")
    return " and ".join(parts)


def _currency(written: str) -> _Currency:
    sign = written.strip().rstrip(".")
    return _CURRENCIES.get(sign) or _CURRENCIES[sign.upper()]


def _before(match: re.Match[str]) -> str:
    sign = "minus " if match[1] else ""
    scale = match[4] or match[5]
    return sign + _say(_currency(match[2]), match[3], scale, single=stands_before_noun(match))


def _after(match: re.Match[str]) -> str:
    sign = "minus " if match[1] else ""
    scale = match[3] or match[4]
    return sign + _say(_currency(match[5]), match[2], scale, single=stands_before_noun(match))


def _range(match: re.Match[str]) -> str:
    """ "$10-15 million": the sign and the scale stand once for both."""
    last = _say(
        _currency(match[1]), match[3], match[4] or match[5], single=stands_before_noun(match)
    )
    return f"{number(match[2])} to {last}"


def _range_after(match: re.Match[str]) -> str:
    return f"{number(match[1])} to {_say(_currency(match[3]), match[2], None)}"


def _cents(match: re.Match[str]) -> str:
    one = is_one(match[1]) or stands_before_noun(match)
    return f"{number(match[1])} {'cent' if one else 'cents'}"


_PER = {
    "mo": "month", "hr": "hour", "h": "hour", "yr": "year", "wk": "week", "min": "minute",
    "sec": "second", "s": "second", "d": "day", "gal": "gallon", "lb": "pound", "oz": "ounce",
    "kg": "kilogram", "g": "gram", "kWh": "kilowatt hour", "mi": "mile", "km": "kilometer",
    "sqft": "square foot", "L": "liter", "l": "liter", "GB": "gigabyte", "MB": "megabyte",
    "pp": "person", "pc": "piece", "ea": "piece", "p.a.": "year", "1K": "thousand",
    "1M": "million",
}  # fmt: skip
_PER_TIME = frozenset("second minute hour day week month year night quarter".split())
_PER_WORDS = (
    "second minute hour day week month year night quarter person user seat head piece item unit "
    "mile kilometer gallon liter pound kilogram ounce page token request call session ticket "
    "visit student child adult room line share barrel ton tonne square class copy serving cup "
    "bottle box pack game episode mouth member household employee capita week shift inch foot "
    "meter watt byte"
).split()
_PER_PATTERN = "|".join(map(re.escape, sorted([*_PER, *_PER_WORDS], key=len, reverse=True)))
_COUNTED = re.compile(
    rf"(?:\d|\d(?:k|[mbtMBTK]n?)|\d[\s-]?[A-Za-z]{{2,15}}|[€£¥$¢₹]|/(?:{_PER_PATTERN}))$"
)


def _rate(match: re.Match[str]) -> str | None:
    if not _COUNTED.search(before(match)):
        return None
    unit = _PER.get(match[1], match[1])
    if unit not in _PER_TIME:
        return f" per {unit} "
    return f" {'an' if unit == 'hour' else 'a'} {unit} "


RULES: tuple[Rule, ...] = (
    rule(
        rf"(?<![\w$€£¥])({_SIGNS})({NUMBER})\s?[-–—]\s?({NUMBER}){_SCALE}(?![\w]|[.,-]\d)",
        _range,
    ),
    rule(rf"(?<![\w.,])({NUMBER})\s?[-–—]\s?({NUMBER})\s?([€£¥])(?!\w)", _range_after),
    rule(
        rf"(?<![\w$€£¥])([-−–])?({_BEFORE})({_NUMBER}){_SCALE}(?![\w]|[.,]\d)",
        _before,
    ),
    rule(rf"(?<![\w$€£¥])([-−–])?((?i:{_CODES})\s)({NUMBER}){_SCALE}(?![\w]|[.,]\d)", _before),
    rule(
        rf"(?<![\w.,])([-−–])?({_NUMBER}){_SCALE}\s?((?:[€£¥$₹₽₩₺₪₫₱฿₿]|zł)(?!\w)|(?:{_CODES})\b)",
        _after,
    ),
    rule(rf"(?<![\w.,])({NUMBER})\s?¢", _cents),
    rule(rf"\s?/\s?({_PER_PATTERN})(?!\w)", _rate),
)

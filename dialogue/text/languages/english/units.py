"""Numbers with a unit or a percent sign."""

import re

from dialogue.text.languages.english.money import FUNCTION_WORDS, stands_before_noun
from dialogue.text.languages.english.numbers import (
    NUMBER,
    SIGNED_NUMBER,
    after,
    before,
    is_one,
    mixed,
    number,
)
from dialogue.text.languages.rules.rule import Rule, rule

_PER = {"h": "hour", "hr": "hour", "s": "second", "sec": "second", "min": "minute", "d": "day"}
_NAMES = {
    "kilometer": "km", "centimeter": "cm", "millimeter": "mm", "micrometer": "µm μm um",
    "nanometer": "nm", "meter": "m", "mile": "mi", "foot": "ft", "yard": "yd yds",
    "inch": "in", "kilogram": "kg kgs KG Kg", "milligram": "mg", "microgram": "µg μg mcg",
    "gram": "g", "pound": "lb lbs", "ounce": "oz", "milliliter": "ml mL", "centiliter": "cl cL",
    "deciliter": "dl dL", "liter": "L l", "gallon": "gal", "quart": "qt", "pint": "pt",
    "tablespoon": "tbsp Tbsp", "teaspoon": "tsp", "cubic centimeter": "cc",
    "kilobyte": "kB KB", "megabyte": "MB", "gigabyte": "GB", "terabyte": "TB",
    "petabyte": "PB", "kibibyte": "KiB", "mebibyte": "MiB", "gibibyte": "GiB",
    "kilobit": "kbit kb", "megabit": "Mbit Mb", "gigabit": "Gbit Gb",
    "kilowatt hour": "kWh", "watt hour": "Wh", "megawatt hour": "MWh", "gigawatt hour": "GWh",
    "milliamp hour": "mAh", "amp hour": "Ah", "gigawatt": "GW", "megawatt": "MW",
    "kilowatt": "kW", "milliwatt": "mW", "watt": "W", "kilovolt": "kV", "millivolt": "mV",
    "volt": "V", "milliamp": "mA", "amp": "A", "ohm": "Ω Ohm", "kilohm": "kΩ", "decibel": "dB",
    "millisecond": "ms", "microsecond": "µs μs us", "nanosecond": "ns", "second": "s sec secs",
    "minute": "min mins", "hour": "h hr hrs", "day": "d", "week": "wk wks", "month": "mo mos",
    "year": "yr yrs", "atmosphere": "atm", "megapixel": "MP", "kilocalorie": "kcal",
    "calorie": "cal",
    "kilojoule": "kJ", "megajoule": "MJ", "joule": "J", "newton": "N", "kilopascal": "kPa",
    "megapascal": "MPa", "hectopascal": "hPa", "pascal": "Pa", "bar": "bar", "mole": "mol",
    "degree": "° deg", "light year": "ly", "pixel": "px", "nautical mile": "nmi NM",
    "basis point": "bps bp", "part per million": "ppm", "part per billion": "ppb",
    "beat per minute": "bpm BPM", "revolution per minute": "rpm RPM", "word per minute": "wpm",
    "frame per second": "fps FPS", "mile per hour": "mph", "kilometer per hour": "kph kmh",
    "mile per gallon": "mpg MPG", "kilobit per second": "kbps Kbps", "knot": "kn kts",
    "megabit per second": "Mbps mbps", "gigabit per second": "Gbps", "degree Celsius": "°C ºC ℃",
    "degree Fahrenheit": "°F ºF ℉", "pound per square inch": "psi PSI",
    "dot per inch": "dpi DPI", "meter per second squared": "m/s² m/s^2 m/s2",
    "milligram per deciliter": "mg/dL mg/dl", "gram per liter": "g/L",
    "millimeter of mercury": "mmHg", "square foot": "sqft", "horsepower": "hp HP",
}  # fmt: skip
_SAME = {
    "hertz": "Hz", "kilohertz": "kHz", "megahertz": "MHz", "gigahertz": "GHz",
    "percent": "%", "per mille": "‰", "times": "x", "lumens": "lm",
    "hectares": "ha",
}  # fmt: skip
_IRREGULAR = {"foot": "feet", "inch": "inches", "horsepower": "horsepower"}
_SIZED = {"km": "kilometer", "m": "meter", "cm": "centimeter", "mm": "millimeter", "ft": "foot",
          "in": "inch", "mi": "mile", "yd": "yard"}  # fmt: skip


def _plural(name: str) -> str:
    """Kilometers per hour, square feet, light years."""
    head, per, rest = re.split(r"( per | of | (?=Celsius|Fahrenheit)|$)", name, maxsplit=1)[:3]
    *front, noun = head.split(" ")
    return " ".join([*front, _IRREGULAR.get(noun, noun + "s")]) + per + rest


def _units() -> dict[str, tuple[str, str]]:
    units = {
        short: (name, _plural(name)) for name, all_ in _NAMES.items() for short in all_.split()
    }
    units |= {short: (name, name) for name, short in _SAME.items()}
    for short, name in _SIZED.items():
        for how, signs in (("square", "²"), ("cubic", "³")):
            said = (f"{how} {name}", _plural(f"{how} {name}"))
            units |= {f"{short}{signs}": said, f"{short}^{'2' if how == 'square' else '3'}": said}
            units |= {
                f"{'sq' if how == 'square' else 'cu'}{dot} {short}": said for dot in ("", ".")
            }
        for per, time in _PER.items():
            units[f"{short}/{per}"] = (f"{name} per {time}", f"{_plural(name)} per {time}")
    for short in ("MB", "GB", "kB", "KB", "L", "l", "kg", "g", "mg", "kW"):
        for per, time in _PER.items():
            one, many = units[short]
            units[f"{short}/{per}"] = (f"{one} per {time}", f"{many} per {time}")
    return units


_UNITS = _units()
_UNIT = "|".join(re.escape(unit) for unit in sorted(_UNITS, key=len, reverse=True))
_APART = "|".join(
    re.escape(unit)
    for unit in sorted(_UNITS, key=len, reverse=True)
    if unit not in {"d", "A", "N", "J", "K", "in", "us", "cal", "bar", "ac", "x", "h", "NM",
                    "pt", "W", "V", "MP", "mA", "um", "kn", "hp"}
)  # fmt: skip
"""Those that are a unit with a space before them, too."""
_MINUTES_BEFORE = re.compile(r"\d\s?(?:h|hrs?|hours?)\s$")


def _say(match: re.Match[str]) -> str | None:
    unit = match[3] or match[4]
    one, many = _UNITS[unit]
    text, rest = before(match), after(match)
    if unit == "m" and _MINUTES_BEFORE.search(text):
        one, many = "minute", "minutes"
    if unit == "m" and re.search(r"\d\sft\s$", text):
        one = many = "m"
    if unit in ("W", "V", "MP", "mAh") and not match[4]:
        noun = re.match(r"[\s-]([a-z]{2,})\b", rest)
        many = one if noun and noun[1] not in FUNCTION_WORDS else many
    if unit.startswith("°") and re.match(r"\s(?:angles?|turns?|views?|bend|rotation)\b", rest):
        many = one
    sign = "minus " if match[1] else ""
    single = is_one(match[2]) or stands_before_noun(match)
    return f"{sign}{number(match[2])} {one if single else many}"


def _inches(match: re.Match[str]) -> str | None:
    """A mark of inches, unless it closes a quotation."""
    if match.string[max(0, match.start() - 200) : match.start()].count('"') % 2:
        return None
    single = is_one(match[1]) or re.match(r"\s[a-z]{3}", after(match))
    return f"{number(match[1])} {'inch' if single else 'inches'}"


def _feet(match: re.Match[str]) -> str:
    feet = f"{number(match[1])} {'foot' if is_one(match[1]) else 'feet'}"
    return f"{feet} {number(match[2])}"


def _one_foot(match: re.Match[str]) -> str:
    return f"{number(match[1])} foot"


def _sized(match: re.Match[str]) -> str:
    return f"{number(match[1])} {_UNITS[match[2]][0]}"


_NOUN_UNITS = "|".join(
    u for u in sorted(_UNITS, key=len, reverse=True) if u.isalpha() and len(u) > 1
)
_BARE = {
    "km/h": "kilometers per hour", "m/s": "meters per second", "kWh": "kilowatt hours",
    "mph": "miles per hour",
}  # fmt: skip

_COMPASS = {"N": "north", "S": "south", "E": "east", "W": "west"}


def _scaled(match: re.Match[str]) -> str:
    return f"{match[1]} {_UNITS[match[2]][1]}"


def _parts(match: re.Match[str]) -> str | None:
    above, below = int(match[2]), int(match[3])
    if not 0 < above < below:
        return None
    return f"{mixed(match[1], above, below)} {_UNITS[match[4]][1]}"


RULES: tuple[Rule, ...] = (
    rule(rf"\b(thousand|million|billion|trillion)\s({_APART})(?!\w)", _scaled),
    rule(rf"(?<![\w/.,])(\d{{1,3}})[ -](\d{{1,2}})[/⁄](\d{{1,2}})\s?({_APART})(?!\w)", _parts),
    rule(rf"(?<=[½¼¾⅓⅔⅛⅜⅝⅞])\s?({_APART})(?!\w)", lambda m: f" {_UNITS[m[1]][1]}"),
    rule(r"(?<![\w.,'’])(\d{1,2})['′’]\s?(\d{1,2})(?:[\"″”]|''|’’|(?!\w))", _feet),
    rule(rf"(?<![\w.,])({NUMBER})\s?[\"″](?!\w)", _inches),
    rule(r"(?<=\ba\s)(\d{1,3})['′](?=\s[a-z]{3})", _one_foot),
    rule(rf"(?<![\w.,])({NUMBER})-({_NOUN_UNITS})(?![\w'’])", _sized),
    rule(
        rf"{SIGNED_NUMBER}(?:({_UNIT})|\s({_APART}|(?:[AVW]|in)(?=\s*[.,;)]|\s*$)))(?!\w|['’]\w)",
        _say,
    ),
    rule(r"(?<![\w/])(?:km/h|m/s|kWh|mph)(?![\w/])", lambda m: _BARE[m[0]]),
    rule(r"(?<=\d)\s?mmHg\b", " millimeters of mercury"),
    rule(r"(?<=°)\s?([NSEW])\b", lambda m: f" {_COMPASS[m[1]]}"),
)

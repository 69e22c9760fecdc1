"""German: numbers with a unit or a percent sign."""

import re

from dialogue.text.languages.german.numbers import SIGNED_NUMBER, number
from dialogue.text.languages.rules.rule import Rule, rule

_SAME = {
    "km/h": "Kilometer pro Stunde", "m/s": "Meter pro Sekunde", "km²": "Quadratkilometer",
    "m²": "Quadratmeter", "qm": "Quadratmeter", "cm²": "Quadratzentimeter", "m³": "Kubikmeter",
    "ha": "Hektar", "km": "Kilometer", "cm": "Zentimeter", "mm": "Millimeter", "m": "Meter",
    "kg": "Kilogramm", "mg": "Milligramm", "g": "Gramm", "ml": "Milliliter", "l": "Liter",
    "L": "Liter", "kB": "Kilobyte", "KB": "Kilobyte", "MB": "Megabyte", "GB": "Gigabyte",
    "TB": "Terabyte", "Mbit/s": "Megabit pro Sekunde", "kHz": "Kilohertz", "MHz": "Megahertz",
    "GHz": "Gigahertz", "Hz": "Hertz", "kW": "Kilowatt", "W": "Watt", "V": "Volt", "A": "Ampere",
    "dB": "Dezibel", "PS": "PS", "°C": "Grad Celsius", "°F": "Grad Fahrenheit", "°": "Grad",
    "%": "Prozent", "‰": "Promille", "Pfd.": "Pfund", "Stk.": "Stück",
}  # fmt: skip
"""One and many are the same; one of them is "ein"."""
_TWO = {
    "t": ("eine Tonne", "Tonnen"),
    "kWh": ("eine Kilowattstunde", "Kilowattstunden"),
    "ms": ("eine Millisekunde", "Millisekunden"),
    "Sek.": ("eine Sekunde", "Sekunden"),
    "sek": ("eine Sekunde", "Sekunden"),
    "s": ("eine Sekunde", "Sekunden"),
    "Min.": ("eine Minute", "Minuten"),
    "min": ("eine Minute", "Minuten"),
    "Std.": ("eine Stunde", "Stunden"),
    "h": ("eine Stunde", "Stunden"),
}
_UNITS = {sign: (f"ein {name}", name) for sign, name in _SAME.items()} | _TWO
_UNIT = "|".join(re.escape(unit) for unit in sorted(_UNITS, key=len, reverse=True))


def _say(match: re.Match[str]) -> str:
    one, many = _UNITS[match[3]]
    sign = "minus " if match[1] else ""
    return sign + (one if match[2] == "1" else f"{number(match[2])} {many}")


RULES: tuple[Rule, ...] = (rule(rf"{SIGNED_NUMBER}\s?({_UNIT})(?!\w|['’]\w)", _say),)

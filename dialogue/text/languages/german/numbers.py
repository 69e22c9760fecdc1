"""German: cardinals, ordinals with their endings, decimals, years, fractions, single digits."""

import re

from dialogue.text.languages.rules import numerals
from dialogue.text.languages.rules.numerals import MAX_SPOKEN_DIGITS, in_threes
from dialogue.text.languages.rules.rule import Rule, rule

NUMBER = r"\d{1,3}(?:[.\u202f\u00a0]\d{3})+(?!\d)(?:,\d+)?|\d+(?:,\d+)?"
"""A number as written: 1.234.567,89 or 42. Has no groups."""
SIGNED_NUMBER = rf"(?:(?<![\w)])([-−–]))?(?<![\w.,])({NUMBER})"
"""Groups: the minus sign or None, the number."""
_MAX_CARDINAL_DIGITS = 15

_DIGITS = ("null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun")
_VULGAR = {"½": (1, 2), "¼": (1, 4), "¾": (3, 4), "⅓": (1, 3), "⅔": (2, 3), "⅛": (1, 8)}

_NUMBERED = frozenset(
    "nummer nr gleis zimmer platz kapitel seite teil punkt schritt linie bus tor raum stufe "
    "version halle terminal paragraf absatz artikel".split()
)
"""What is counted by the number behind it: "Gleis 1" is "Gleis eins"."""
_FEMININE = re.compile(
    r"(?:.*(?:ung|heit|keit|schaft|tion|tät|enz|anz|ei)|"
    r"(?!(?:Name|Käse|Ende|Auge|Interesse|Kunde|Junge|Gebäude|Buchstabe|Kollege)$).*[^e]e|"
    r".*[Nn]achricht|Person|Nacht|Stadt|Frau|Mail|E-Mail|App|Nummer|Zahl|Uhrzeit|Oma|Mutter|Tochter|Schwester|"
    r"Antwort|Kopie|Fahrt|Karte|Bank|Firma|Kamera|Pizza|Portion)$"
)
"""Nouns of which one is "eine"."""


_NOUN = r"[A-ZÄÖÜ][\w-]+"
_ARTICLES = {"e": "eine", "en": "einen", "er": "ein", "es": "ein"}
"""Before an adjective that ends so."""
_NO_ADJECTIVES = frozenset("oder aber über unter hinter eine einen einer eines wie heute".split())


def cardinal(value: int) -> str:
    return numerals.cardinal(value, "de")


def counted(value: int) -> str:
    """Before a masculine or neuter noun: one is "ein"."""
    return "ein" if value == 1 else cardinal(value)


def ordinal(value: int, ending: str = "e") -> str:
    """`ending`: e, en, er or es: "dritte", "dritten", "dritter", "drittes"."""
    return numerals.ordinal(value, "de") + ending[1:]


def year(value: int) -> str:
    """1999 is "neunzehnhundertneunundneunzig", 2024 "zweitausendvierundzwanzig"."""
    return numerals.year(value, "de")


def digits(written: str) -> str:
    """Each digit by itself; other characters are left out."""
    return " ".join(_DIGITS[int(digit)] for digit in written if digit in "0123456789")


def number(written: str, *, one: str = "eins") -> str:
    """A number that matches NUMBER, in words; `one` is what "1" is."""
    whole, _, decimals = re.sub(r"[.\u202f\u00a0]", "", written).partition(",")
    if len(whole) > _MAX_CARDINAL_DIGITS:
        return digits(written[:MAX_SPOKEN_DIGITS])
    if written == "1":
        return one
    words = digits(whole) if len(whole) > 1 and whole[0] == "0" else cardinal(int(whole))
    return f"{words} Komma {digits(decimals[:MAX_SPOKEN_DIGITS])}" if decimals else words


def _part(below: int) -> str:
    """ "Drittel", "Zwanzigstel"."""
    return (ordinal(below)[:-1] + "el").capitalize()


def _fraction(above: int, below: int) -> str | None:
    if (above, below) in ((24, 7), (9, 11)) or above == below:
        return f"{cardinal(above)} {cardinal(below)}"
    if below < 2 or above > 99 or below > 100:
        return f"{cardinal(above)} durch {cardinal(below)}"
    if below == 2:
        return "ein halb" if above == 1 else f"{cardinal(above)} halbe"
    return f"{counted(above)} {_part(below)}"


def _written_fraction(match: re.Match[str]) -> str | None:
    return _fraction(int(match[1]), int(match[2]))


def _vulgar(match: re.Match[str]) -> str | None:
    above, below = _VULGAR[match[2]]
    if not match[1]:
        return _fraction(above, below)
    if "," in match[1] or len(match[1]) > 6:
        return f"{number(match[1])} {_fraction(above, below)}"
    whole = number(match[1], one="ein")
    return f"{whole}einhalb" if below == 2 else f"{whole}{counted(above)}{_part(below).lower()}"


def _signed(match: re.Match[str]) -> str:
    return ("minus " if match[1] else "") + number(match[2])


def _one(match: re.Match[str]) -> str | None:
    """ "1" before a noun: its gender is told by how the noun ends, as far as that goes."""
    before = re.findall(r"\w+", match.string[max(0, match.start() - 40) : match.start()])
    if before and before[-1].lower() in _NUMBERED:
        return None
    if match[1]:
        return "eine" if _FEMININE.match(match[1]) else "ein"
    return None if match[2] in _NO_ADJECTIVES else _ARTICLES[match[3]]


def _long(match: re.Match[str]) -> str:
    """A number without separators: an amount when it is round, else an identifier."""
    written = match[0]
    if len(written) <= 9 and written.endswith("000"):
        return number(written)
    return ", ".join(map(digits, in_threes(written)))


def _tens(match: re.Match[str]) -> str:
    value = int(match[1])
    return (year(value) if value > 99 else cardinal(value)) + match[2]


def _joined(match: re.Match[str]) -> str:
    """ "10-jährig" is one word."""
    return counted(int(match[1])) + match[2]


def _account(match: re.Match[str]) -> str:
    return " ".join(match[1]) + " " + ", ".join(map(digits, match[2].split()))


COMPOUNDS: tuple[Rule, ...] = (
    rule(r"(?<![\w.,])['’]?(\d{1,4})(ern?)\b", _tens),
    rule(r"(?<!\w)([A-Z]{2})(\d\d(?:\s\d{4}){3,7}(?:\s\d{1,3})?)(?!\w)", _account),  # IBAN
    rule(r"(?<![\w.,])(\d{1,3})\s?%(ig\w{0,3})\b", lambda m: f"{counted(int(m[1]))}prozent{m[2]}"),
    rule(
        r"(?<![\w.,])(\d{1,4})-?((?:jährig|monatig|wöchig|tägig|stündig|minütig|prozentig|köpfig|"
        r"stellig|seitig|teilig|fach|mal)\w{0,3})\b",
        _joined,
    ),
    rule(r"(?<![\w.,])(\d{1,3})\s?[x×](?=\s+(?!\d)\w|\s*[.,;!?]|\s*$)",
         lambda m: counted(int(m[1])) + "mal"),
)  # fmt: skip
RULES: tuple[Rule, ...] = (
    rule(r"(?<![\w/])(\d{1,3})[/⁄](\d{1,3})(?![\w/])", _written_fraction),
    rule(rf"(?<!\w)({NUMBER})?\s?([{''.join(_VULGAR)}])", _vulgar),
    rule(
        # A version or an address.
        r"(?<![\w.])(?!\d{1,3}(?:\.\d{3})+(?![\d.]))\d+(?:\.\d+){2,8}(?![\w.]*\d)",
        lambda m: " Punkt ".join(number(part) for part in m[0].split(".")),
    ),
    rule(
        r"(?<![\w.,])\d+\.(?:\d{1,2}|\d{4,9})(?!\w|[.,]\d)",  # a version, or a foreign decimal
        lambda m: " Punkt ".join(number(part) for part in m[0].split(".")),
    ),
    rule(r"(?<=\d,\s)\d{5}(?=\s[A-ZÄÖÜ])", lambda m: digits(m[0])),  # a postcode
    rule(r"(?<![\w.,])(?:1[1-9]\d\d|20\d\d)(?!\w|[.,]\d)", lambda m: year(int(m[0]))),
    rule(r"(?<![\w.,-])\d{7,}(?!\w|[.,]\d)", _long),
    rule(rf"(?<![\w.,-])1(?=\s(?:({_NOUN})|([a-zäöüß]{{2,20}}(e|en|er|es))\s{_NOUN}))", _one),
    rule(rf"{SIGNED_NUMBER}(?!\w|[.,]\d)", _signed),
)

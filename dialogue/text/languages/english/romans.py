"""Roman numerals: kings are ordinals, chapters and wars are cardinals, "I" is a pronoun."""

import re

from dialogue.text.languages.english.numbers import after, before, cardinal, ordinal
from dialogue.text.languages.rules.rule import Rule, rule

_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
_WELL_FORMED = re.compile(r"M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")

_REGNAL = (
    "Abdullah Adolf Adrian Albert Alexander Alfonso Alfred Anne Arthur Baldwin Benedict Boniface "
    "Carl Catherine Charles Christian Clement Cleopatra Conrad Constantine Cyrus Darius David "
    "Edmund Edward Elizabeth Felipe Ferdinand Francis Franz Frederick Friedrich George Gregory "
    "Gustav Haakon Harald Harold Henri Henry Honorius Hussein Innocent Isabella Ivan James "
    "Jean John Joseph Juan Juliana Julius Justinian Karl Leo Leopold Louis Ludwig Malcolm "
    "Margaret Margrethe Mary Matilda Maximilian Mehmed Michael Mohammed Murad Napoleon Nero "
    "Nicholas Olaf Olav Oscar Otto Pablo Paul Pedro Peter Philip Philippe Pius Pope Ptolemy "
    "Rainier Rama Ramesses Ramses Richard Robert Rudolf Selim Sixtus Stephen Suleiman Theodosius "
    "Thutmose Umberto Urban Victor Victoria Wilhelm Wilhelmina William Xerxes Amenhotep "
    "Antiochus Artaxerxes Emmanuel Alexis Antoine Kamehameha Mithridates Seti Sigismund "
    "Vittorio Vladislaus Władysław Casimir"
).split()
_GIVEN = frozenset(
    (
        "Adam Alan Andrew Anthony Ben Benjamin Bill Brian Bruce Chris Christopher Daniel Dan "
        "Davis Donald Douglas Earl Eric Eugene Frank Fred Gary Gerald Grant Harry Howard Jack "
        "Jacob Jason Jeff Jeffrey Jerry Joe Jonathan Josh Joshua Justin Keith Ken Kenneth Kevin "
        "Larry Lawrence Lloyd Loudon Marcus Mark Martin Matthew Mike Nathan Patrick Ralph Ray "
        "Raymond Rob Roger Ronald Ryan Sam Samuel Scott Sean Steve Steven Ted Thomas Thurston "
        "Tim Timothy Tom Tyler Walter Warren Wayne"
    ).split()
) | frozenset(_REGNAL)
_NUMBERED = (
    "chapter part volume vol book act scene section article title phase type level stage class "
    "grade appendix figure table war bowl round division category tier schedule canto psalm "
    "symphony sonata concerto opus episode season series mark apollo saturn unit lesson module "
    "step rule amendment clause factor group panel plate quadrant region sector zone world "
    "olympiad wrestlemania rocky rambo fantasy quest iteration version calculus "
    "algebra physics chemistry history english biology"
).split()
_BEFORE_NUMBERED = re.compile(rf"\b(?:{'|'.join(_NUMBERED)})\.?\s$", re.I)
_BEFORE_ONE = re.compile(r"\b(?:[A-Z]\w+|type|phase)\.?\s$")
"""Before "I" as a numeral: "Part I", but "in part I agree"."""
_BEFORE_REGNAL = re.compile(rf"\b(?:{'|'.join(_REGNAL)})\s$")
_TITLED = re.compile(r"\b(?:King|Queen|Pope|Emperor|Empress|Tsar|Czar|Kaiser|Prince|Sultan|Pharaoh)"
                     r"\s(?:[A-Z]\w+\s){1,2}$")  # fmt: skip
_FULL_NAME = re.compile(r"\b([A-Z][a-z]+)\s(?:[A-Z]\.\s)?(?:Mc|Mac|O')?[A-Z][a-z]+,?\s$")
_CAPITALIZED = re.compile(r"\b[A-Z]\w*\s$")
_VERB = re.compile(r"\s(?:am|was|have|had|will|would|can|could|do|did|think|know|met|went)\b")
_CENTURY = re.compile(r"\s(?:[Cc]entur|[Dd]ynasty|[Oo]lympi|[Cc]ongress|[Ll]egion)")


def value_of(numeral: str) -> int | None:
    """1 to 3,999; None for letters that are no numeral."""
    if not numeral or not _WELL_FORMED.fullmatch(numeral):
        return None
    values = [_VALUES[letter] for letter in numeral]
    return sum(
        -value if at + 1 < len(values) and values[at + 1] > value else value
        for at, value in enumerate(values)
    )


def _say(match: re.Match[str]) -> str | None:
    numeral, text = match[0], before(match)
    value = value_of(numeral)
    if value is None:
        return None
    numbered = _BEFORE_NUMBERED.search(text)
    if numbered and (numeral != "I" or _BEFORE_ONE.search(text)):
        return cardinal(value)
    if len(numeral) == 1:
        return _letter(match, numeral, value, text)
    if _CENTURY.match(after(match)):
        return ordinal(value)
    regnal = (_BEFORE_REGNAL.search(text) or _TITLED.search(text)) and value <= 30
    name = _FULL_NAME.search(text)
    if regnal or (name and name[1] in _GIVEN and value <= 10):
        return f"the {ordinal(value)}"
    # A word of these letters in a heading ("MIX", "CIVIL") is no numeral.
    return cardinal(value) if _CAPITALIZED.search(text) and value < 90 else None


def _letter(match: re.Match[str], numeral: str, value: int, text: str) -> str | None:
    """ "George V" but "Malcolm X" and "Elizabeth I" only with a title: "I" is a pronoun."""
    if numeral not in ("I", "V", "X") or re.match(r"['’.]", after(match)):
        return None
    if numeral == "I":
        return None if _VERB.match(after(match)) or not _TITLED.search(text) else "the first"
    if _TITLED.search(text) or (_BEFORE_REGNAL.search(text) and "Malcolm" not in text):
        return f"the {ordinal(value)}"
    return None


RULES: tuple[Rule, ...] = (rule(r"(?<![\w.&'’-])[IVXLCDM]{1,9}(?![\w&]|[-'’.]\w)", _say),)

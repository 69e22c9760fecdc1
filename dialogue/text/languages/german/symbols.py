"""German: abbreviations, and signs that stand for words."""

import re

from dialogue.text.languages.rules.rule import Rule, rule, with_full_stop

_TITLES = {"Dr": "Doktor", "Prof": "Professor", "Hr": "Herr", "Fr": "Frau", "St": "Sankt",
           "Dipl": "Diplom", "Ing": "Ingenieur"}  # fmt: skip
_PHRASES = {
    "z. B.": "zum Beispiel", "d. h.": "das heißt", "u. a.": "unter anderem", "u. U.":
    "unter Umständen", "u. Ä.": "und Ähnliches", "o. Ä.": "oder Ähnliches", "i. d. R.":
    "in der Regel", "z. T.": "zum Teil", "v. a.": "vor allem", "s. o.": "siehe oben", "s. u.":
    "siehe unten", "v. Chr.": "vor Christus", "n. Chr.": "nach Christus", "z. Zt.": "zurzeit",
    "z. Z.": "zurzeit", "i. A.": "im Auftrag", "m. E.": "meines Erachtens", "o. g.": "oben genannt",
    "u. v. m.": "und vieles mehr", "m. a. W.": "mit anderen Worten",
    "usw.": "und so weiter", "usf.": "und so fort", "etc.": "et cetera", "bzw.": "beziehungsweise",
    "ca.": "circa", "evtl.": "eventuell", "ggf.": "gegebenenfalls", "inkl.": "inklusive", "exkl.":
    "exklusive", "max.": "maximal", "mind.": "mindestens", "min.": "mindestens", "bspw.":
    "beispielsweise", "vgl.": "vergleiche", "sog.": "sogenannte", "gem.": "gemäß", "zzgl.":
    "zuzüglich", "abzgl.": "abzüglich", "einschl.": "einschließlich", "insb.": "insbesondere",
    "tägl.": "täglich", "tgl.": "täglich", "bzgl.": "bezüglich", "geb.": "geboren", "Tel.":
    "Telefon", "MwSt.": "Mehrwertsteuer", "Jh.": "Jahrhundert", "und/oder": "und oder",
    "allg.": "allgemein", "zzt.": "zurzeit", "versch.": "verschiedene", "Hbf.": "Hauptbahnhof",
    "Hbf": "Hauptbahnhof", "MwSt": "Mehrwertsteuer", "ff.": "folgende",
}  # fmt: skip
_BEFORE_NUMBERS = {"Nr.": "Nummer", "S.": "Seite", "Abs.": "Absatz", "Art.": "Artikel", "Bd.":
                   "Band", "Kap.": "Kapitel", "Abb.": "Abbildung", "§§": "Paragrafen",
                   "§": "Paragraf", "#": "Nummer", "PLZ": "Postleitzahl"}  # fmt: skip
_SIGNS = {
    "&": "und", "@": "at", "+": "plus", "=": "gleich", "×": "mal", "÷": "geteilt durch",
    "±": "plus minus", "≈": "ungefähr", "≤": "höchstens", "≥": "mindestens", "≠": "ungleich",
    "<": "kleiner als", ">": "größer als", "→": "nach", "->": "nach", "=>": "nach", "°": "Grad",
    "%": "Prozent", "‰": "Promille", "€": "Euro", "£": "Pfund", "¥": "Yen", "$": "Dollar",
    "©": "Copyright", "№": "Nummer", "²": "Quadrat", "³": "hoch drei", "§": "Paragraf",
}  # fmt: skip
_ALWAYS = "[×÷±≈≤≥≠→°%‰€£¥©№²³§]"


def _squeezed(written: str) -> str:
    return re.sub(r"\s", "", written)


_SAID = {_squeezed(short).lower(): words for short, words in _PHRASES.items()}


def _pattern(short: str) -> str:
    """With or without the spaces that the rules of writing ask for, also narrow ones."""
    return re.escape(short).replace(r"\ ", r"\s?")


_PHRASE = "|".join(map(_pattern, sorted(_PHRASES, key=len, reverse=True)))
_BEFORE_NUMBER = "|".join(map(re.escape, _BEFORE_NUMBERS))


def _phrase(match: re.Match[str]) -> str:
    words = _SAID[_squeezed(match[0]).lower()]
    if match[0][0].isupper():
        words = words[0].upper() + words[1:]
    return with_full_stop(words, match)


def _numbered(match: re.Match[str]) -> str:
    return f"{_BEFORE_NUMBERS[match[1]]} "


RULES: tuple[Rule, ...] = (
    rule(rf"\b({'|'.join(_TITLES)})\.(?=\s?-?[A-ZÄÖÜ]|\s*$)", lambda m: _TITLES[m[1]]),
    rule(rf"(?<![\w.])(?:{_PHRASE})(?![\w])", _phrase, flags=re.I),
    rule(rf"(?<![\w.])({_BEFORE_NUMBER})\s?(?=\d)", _numbered),
    rule(r"\b([A-ZÄÖÜ][\w-]{1,40})str\.", lambda m: f"{m[1]}straße"),
    rule(r"\bStr\.(?=\s|$)", "Straße"),
    rule(r"(?<!\w)~\s?(?=[$€£¥]?\d)", "ungefähr "),
    rule(r"(?<=\d)\s?[-–—]\s?(?=[$€£¥]?\d)", " bis "),
    rule(r"(?<=[%€°CghmlW.])\s?[–]\s?(?=\d)", " bis "),
    rule(r"(?<=\d)\s?\*\s?(?=\d)|(?<=\d)\s?x\s?(?=\d)", " mal "),
    rule(r"(?<=\d):(?=\d)", " zu "),
    rule(r"(?<=\w)\^(?=\d)", " hoch "),
    rule(r"(?<=\w)_(?=\w)", " "),
    rule(r"[ \t]?(?:—|--)[ \t]?|[ \t][-–][ \t]", ", "),
    rule(r"(?<=\b[A-Z])\+\+", " plus plus"),
    rule(r"(?<=\b[A-Z])#", " sharp"),
    rule(r"(?<=[A-Za-zÄÖÜäöüß])/(?=[A-Za-zÄÖÜäöüß])", " oder "),
    rule(r"[-=]>", " nach "),
    rule(r"(?:(?<=\s)|^)[&@+=<>](?=\s)|(?<=\d)[+=](?=\d|\s|$)", lambda m: f" {_SIGNS[m[0]]} "),
    rule(_ALWAYS, lambda m: f" {_SIGNS[m[0]]} "),
)

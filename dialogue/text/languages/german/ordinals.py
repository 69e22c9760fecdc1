"""German: which ending an ordinal takes, told by the word before it."""

import re

from dialogue.text.languages.german.numbers import ordinal
from dialogue.text.languages.rules.rule import Rule, rule

_WEAK = (
    "am beim dem den des im vom zum zur bis ab seit vor nach diesem diesen dieses jedem jeden "
    "einem einen eines meinem meinen seinem seinen ihrem ihren unserem unseren deinem deinen "
    "keinem keinen einer meiner seiner ihrer unserer deiner keiner dieser jeder"
).split()
"""After these "dritten"."""
_STRONG = "ein mein dein sein ihr unser kein".split()
"""After these "dritter", and "drittes" before a neuter."""
_NEUTER = re.compile(
    "(?:Mal|Jahr|Kind|Auto|Kapitel|Quartal|Semester|Haus|Buch|Spiel|Treffen|Gespräch|Angebot)\\b"
)
MONTHS = ("Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September",
          "Oktober", "November", "Dezember")  # fmt: skip
_AND = ("und", "oder")
_PLAIN = "die das eine meine seine ihre unsere deine keine diese jede".split()
_WITH_DATIVE = (
    "in an auf aus bei mit nach seit von vor hinter neben unter über zwischen während wegen trotz"
)
_AFTER = (
    "Stock|Stockwerk|Etage|Klasse|Platz|Jahrhundert|Jahrtausend|Kapitel|Mal|Bundesliga|Liga|"
    "Weltkrieg|Tag|Woche|Monat|Jahr|Geburtstag|Quartal|Stunde|Semester|Auflage|Halbzeit|Person|"
    "Schritt|Versuch|Teil|Runde|Reihe|Spieltag|Advent|Staffel|Folge|Ausgabe|Mannschaft"
)


def ending(before: str | None, previous: str | None = None, *, alone: str = "e") -> str:
    """The ending after the word `before`, itself after `previous`; `alone`: after no such word."""
    word = (before or "").lower()
    if word == "der":
        return "en" if (previous or "").lower() in _WITH_DATIVE.split() else "e"
    if word in _WEAK:
        return "en"
    if word in _STRONG:
        return "er"
    return "e" if word in _PLAIN else alone


def context(match: re.Match[str]) -> tuple[str | None, str | None]:
    """The word before a match and the word before that; those of the first of two dates."""
    words = re.findall(r"\w+", match.string[max(0, match.start() - 40) : match.start()])
    if words and words[-1] in _AND:
        while words and (words[-1] in _AND or words[-1].isdigit() or words[-1] in MONTHS):
            words.pop()
    return (words[-1] if words else None), (words[-2] if len(words) > 1 else None)


def _is_told(word: str | None) -> bool:
    return (word or "").lower() in {"der", *_WEAK, *_STRONG, *_PLAIN}


def _say(match: re.Match[str]) -> str | None:
    before, previous = context(match)
    follows = match.string[match.end() :].lstrip()
    by_itself = re.match(rf"(?:{_AFTER})|[a-zäöüß]", follows)
    if not by_itself and not (_is_told(before) and follows[:1].isalnum()):
        return None
    inflected = ending(before, previous)
    return ordinal(
        int(match[1]), "es" if inflected == "er" and _NEUTER.match(follows) else inflected
    )


RULES: tuple[Rule, ...] = (
    rule(r"(?<![\w.,:/-])(\d{1,3})\.(?=\s{1,2}\w)", _say),
    rule(
        r"(?<![\w.,:/-])(\d{1,3})(te[nrs]?|ste[nrs]?)\b",
        lambda m: ordinal(int(m[1]), "e" + m[2].partition("te")[2]),
    ),
)

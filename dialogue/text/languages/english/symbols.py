"""Abbreviations, and signs that stand for words."""

import re

from dialogue.text.languages.rules.rule import Rule, rule, with_full_stop

_TITLES = {
    "Dr": "Doctor", "Mr": "Mister", "Mrs": "Missus", "Ms": "Miz", "Prof": "Professor",
    "Sgt": "Sergeant", "Capt": "Captain", "Lt": "Lieutenant", "Gen": "General",
    "Sen": "Senator", "Gov": "Governor", "St": "Saint", "Mt": "Mount",
}  # fmt: skip
_PHRASES = {
    "e.g.": "for example", "i.e.": "that is", "etc.": "et cetera", "vs.": "versus",
    "approx.": "approximately", "w/o": "without", "w/": "with", "and/or": "and or",
}  # fmt: skip
_SIGNS = {
    "&": "and", "@": "at", "+": "plus", "=": "equals", "×": "times", "÷": "divided by",
    "±": "plus or minus", "≈": "about", "≤": "at most", "≥": "at least", "≠": "is not",
    "<": "less than", ">": "greater than", "→": "to", "->": "to", "=>": "to", "°": "degrees",
    "%": "percent", "€": "euros", "£": "pounds", "¥": "yen", "$": "dollars",
    "©": "copyright", "№": "number", "²": "squared", "³": "cubed",
}  # fmt: skip
_ALWAYS = "[×÷±≈≤≥≠→°%€£¥©№²³]"


def _phrase(match: re.Match[str]) -> str:
    return with_full_stop(_PHRASES[match[0].lower()], match)


_PHRASE = "|".join(map(re.escape, sorted(_PHRASES, key=len, reverse=True)))

RULES: tuple[Rule, ...] = (
    rule(rf"\b({'|'.join(_TITLES)})\.(?=\s+[A-Z]|\s*$)", lambda m: _TITLES[m[1]]),
    rule(rf"(?<![\w.])(?:{_PHRASE})(?![\w])", _phrase, flags=re.I),
    rule(r"\b(?:No|Nr)\.\s(?=\d)|#(?=\d)", "number "),
    rule(r"(?<!\w)~\s?(?=[$€£¥]?\d)", "about "),
    rule(r"(?<=\d)\s?[-–—]\s?(?=[$€£¥]?\d)", " to "),
    rule(r"(?<=\d)\s?\*\s?(?=\d)", " times "),
    rule(r"(?<=\d):(?=\d)", " to "),
    rule(r"(?<=\w)\^(?=\d)", " to the power of "),
    rule(r"(?<=\w)_(?=\w)", " "),
    rule(r"[ \t]?(?:—|--)[ \t]?|[ \t][-–][ \t]", ", "),
    rule(r"(?<=\b[A-Z])\+\+", " plus plus"),
    rule(r"(?<=\b[A-Z])#", " sharp"),
    rule(r"(?<=[A-Za-z])/(?=[A-Za-z])", " or "),
    rule(r"[-=]>", " to "),
    rule(r"(?:(?<=\s)|^)[&@+=<>](?=\s)|(?<=\d)[+=](?=\d|\s|$)", lambda m: f" {_SIGNS[m[0]]} "),
    rule(_ALWAYS, lambda m: f" {_SIGNS[m[0]]} "),
)

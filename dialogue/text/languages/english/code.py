"""Paths, file names, operators, handles and hashtags: nothing invented and nothing lost."""

import re

from dialogue.text.languages.english.numbers import after, before, cardinal, digits
from dialogue.text.languages.rules.rule import Rule, rule

_EXTENSIONS = (
    "py js ts jsx tsx md txt pdf csv tsv json yaml yml toml html htm css xml png jpg jpeg gif svg "
    "webp mp3 mp4 wav flac zip tar gz exe sh conf cfg ini log doc docx xls xlsx ppt pptx cpp "
    "hpp rs java rb php sql env lock ipynb bat dll jar iso bak db onnx proto rst tex vue dart "
    "swift kt"
).split()
_EXTENSION = "|".join(sorted(_EXTENSIONS, key=len, reverse=True))
_SIGNS = {"/": "slash", "\\": "backslash", ".": "dot", "-": "dash", "_": "", "~": "tilde",
          ":": "colon", "+": "plus", "@": "at", "*": "star", "$": "dollar"}  # fmt: skip
_OR = frozenset(
    "he/she she/he him/her her/him his/her his/hers s/he he/him he/they yes/no true/false on/off "
    "and/or man/woman men/women male/female win/lose pass/fail him/herself".split()
)
_OPERATORS = {
    "&&": "and", "||": "or", "==": "equals", "===": "equals", "!=": "is not equal to",
    "!==": "is not equal to", "<=": "is at most", ">=": "is at least", "+=": "plus equals",
    "-=": "minus equals", ":=": "is set to", "->": "to", "=>": "to", "-->": "to", "<-": "from",
    "<>": "is not equal to",
}  # fmt: skip


def path_words(written: str) -> str:
    """A path or a file name, its signs said."""
    said = re.sub(r"(?:(?<=[A-Za-z])v)?\d+", lambda m: f" {_figures(m[0])} ", written)
    return re.sub(r"[/\\.\-_~:+@*$]", lambda m: f" {_SIGNS[m[0]]} ", said)


def _figures(written: str) -> str:
    number = written.lstrip("v")
    said = cardinal(int(number)) if len(number) < 3 and number[0] != "0" else digits(number)
    return f"v {said}" if written.startswith("v") else said


def _path(match: re.Match[str]) -> str:
    return path_words(match[0])


def _slash(match: re.Match[str]) -> str:
    """ "he/she" is "he or she"; of other pairs nobody knows whether it is "or"."""
    front = re.search(r"\w+$", before(match, 24))
    back = re.match(r"\w+", after(match, 24))
    first, second = front[0] if front else "", back[0] if back else ""
    if f"{first}/{second}".lower() in _OR:
        return " or "
    if len(first) == len(second) == 1 and first.islower() and second.islower():
        return " over "
    if first.lower() in ("either", "and"):
        return " "
    return " " if first.isupper() or first[:1].isupper() else " slash "


def _operator(match: re.Match[str]) -> str:
    return f" {_OPERATORS[match[0].strip()]} "


def _hashtag(match: re.Match[str]) -> str:
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Za-z])(?=\d)|_", " ", match[1])
    return "hashtag " + re.sub(r"\d+", lambda m: _figures(m[0]), words)


def _handle(match: re.Match[str]) -> str:
    name = re.sub(r"(\d+)", lambda m: f" {_figures(m[0])}", match[1])
    return "at " + name.replace("_", " underscore ").replace(".", " dot ")


def _less(match: re.Match[str]) -> str | None:
    """ "x <y" compares; "Jo <jo@example.com>" does not."""
    opens = match[0][0].isspace() and not match[0][-1].isspace()
    if opens and re.match(r"[^\s<>\d][^<>\n]{0,80}>", after(match, 84)):
        return None
    return " less than " if match[0].strip() == "<" else " greater than "


_OPERATOR = "|".join(map(re.escape, sorted(_OPERATORS, key=len, reverse=True)))
_COMPARED = r"(?<=[\w)\]])\s?[<>]\s?(?=[\w(.-])|(?<=\s)[<>]\s?(?=\d)"

PATHS: tuple[Rule, ...] = (
    rule(r"(?<![\w:/\\])[A-Z]:(?:\\[\w.()+-]{1,60}(?: [\w.()+-]{1,40}(?=\\))?){1,20}\\?|"
         r"(?<![\w:/\\])[A-Z]:\\", _path),
    rule(r"(?<!\S)\\\\[\w.-]{1,80}(?:\\[\w.$-]{1,80}){1,20}", _path),
    rule(r"(?<![\w/.~:<@])(?:~|\.{1,2})?(?:/[\w.@+*-]{1,80}){1,20}(?:/|(?<=[\w*]))", _path),
    rule(r"(?<![\w/.~])(?:\.\.)(?=/)", _path),
    rule(rf"(?<![\w/.~:@-])(?:[\w-]{{1,60}}/){{1,12}}(?:[\w-]{{1,60}}\.){{1,3}}(?:{_EXTENSION})\b",
         _path),
    rule(rf"(?<![\w/.~:@])[\w-]{{1,60}}(?:\.[\w-]{{1,30}}){{0,2}}\.(?:{_EXTENSION})\b"
         r"(?![\w/@]|\.\w)",
         _path, flags=re.I),
    rule(r"(?<![\w./])\.(?=(?:env|git\w*|NET|bashrc|zshrc|ssh|docker\w*|profile|"
         rf"{_EXTENSION})\b)", "dot "),
)  # fmt: skip
"""Before the rules of numbers."""
SIGNS: tuple[Rule, ...] = (
    rule(r"(?<![\w#&])#([A-Za-z]\w{1,60})", _hashtag),
    rule(r"(?<![\w.@])@([A-Za-z_][\w.]{0,40}\w|\w)", _handle),
    rule(r"(?<=\b[A-Za-z])\+\+|(?<=[a-z_]{2})\+\+", " plus plus"),
    rule(r"(?<=[a-z])--(?=\s*(?:[;)]|$))", " minus minus"),
    rule(r"(?<!\S)--(?=[a-z])", "dash dash "),
    rule(rf"(?:(?<=\s)|(?<=[\w)\]\"']))(?:{_OPERATOR})(?=[\s\w(\"'.-])", _operator),
    rule(_COMPARED, _less),
    rule(r"(?<=[A-Za-z])/(?=[A-Za-z])", _slash),
    rule(r"(?<=[A-Za-z])/(?=\d)", " "),
    rule(r"(?<=\w)\(s\)", "s"),
    rule(r"(?<=[\d)])\*\*(?=\d)", " to the power of "),
    rule(r"(?<=[a-z])\.(\d{1,4})(?![\w.])", lambda m: f" point {cardinal(int(m[1]))}"),
    rule(r"(?<=[\w)>])\s?\+\s?(?=[\w(\\])", " plus "),
    rule(r"(?<=\w)\+(?![\w+])", " plus"),
    rule(r"(?<=[\w)\]])\s?=\s?(?=[\w(\\√−.-])", " equals "),
    rule(r"(?<=[Pp]ress )#|(?<=[Hh]it )#", "pound"),
)

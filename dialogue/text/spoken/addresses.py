"""URLs, mail addresses and telephone numbers."""

import re

from dialogue.text.spoken.numbers import digits
from dialogue.text.spoken.rule import Rule, rule

_MAX_PATH_CHARS = 30
"""A longer path is not for the ear: only the host is said."""
_SYMBOLS = {"-": " dash ", "_": " underscore ", "+": " plus ", ".": " dot "}


def _spell(name: str) -> str:
    return re.sub(r"[-_+.]", lambda match: _SYMBOLS[match[0]], name)


def _url(match: re.Match[str]) -> str:
    address = re.sub(r"^(?:https?://)?(?:www\.)?", "", match[0], flags=re.I)
    host, _, path = re.split(r"[?#]", address, maxsplit=1)[0].partition("/")
    host = host.rpartition("@")[2].partition(":")[0]
    words = _spell(host[:100])
    segments = [segment for segment in path.split("/") if segment]
    if len(path) <= _MAX_PATH_CHARS and all(re.fullmatch(r"[\w.-]+", s) for s in segments):
        words += "".join(f" slash {_spell(segment)}" for segment in segments)
    return words


def _mail(match: re.Match[str]) -> str:
    return f"{_spell(match[1])} at {_spell(match[2])}"


def _phone(match: re.Match[str]) -> str | None:
    groups = re.findall(r"\d+", match[0])
    if sum(map(len, groups)) > 15:
        return None
    plus = "plus " if match[0].startswith("+") else ""
    return plus + ", ".join(map(digits, groups))


_TOP_LEVEL = "com|org|net|edu|gov|io|dev|ai|app|info|co|uk|de|fr|eu|tv|me"
_URL_BODY = r"[^\s<>()\[\]\"'“”]{0,2000}[^\s<>()\[\]\"'“”.,;:!?]"

RULES: tuple[Rule, ...] = (
    rule(rf"(?:\bhttps?://|\bwww\.){_URL_BODY}", _url, flags=re.I),
    rule(r"(?<![\w.+-])([\w.+-]{1,64})@([\w-]{1,63}(?:\.[\w-]{1,63}){1,4})\b", _mail),
    rule(
        rf"(?<![\w@.-])(?:[a-z0-9][a-z0-9-]{{0,62}}\.){{1,4}}(?:{_TOP_LEVEL})\b(?!\.\w|@)"
        rf"(?:/{_URL_BODY})?",
        _url,
        flags=re.I,
    ),
    rule(r"(?<![\w.])\+\d{1,3}(?:[ .-]?\(?\d{1,4}\)?){2,5}(?!\w)", _phone),
    rule(r"(?<![\w.])\(\d{2,4}\) ?\d{3,4}[ .-]?\d{3,4}(?!\w)", _phone),
    rule(r"(?<![\w.-])(?:1-)?\d{3}([-.])\d{3}\1\d{4}(?![\w-])", _phone),
    rule(r"(?<![\w.-])\d{3}-\d{4}(?![\w-])", _phone),
)

"""URLs, mail addresses and telephone numbers."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dialogue.text.languages.rules.rule import Rule, rule

_MAX_PATH_CHARS = 30
"""A longer path is not for the ear: only the host is said."""
_TOP_LEVEL = (
    "com|org|net|edu|gov|mil|io|dev|ai|app|info|biz|co|uk|ca|au|nz|ie|de|fr|nl|ch|"
    "se|dk|fi|pl|pt|jp|cn|kr|br|ru|eu|tv|me|ly|gg|xyz|shop|online|site|tech|cloud|blog"
)
_URL_BODY = r"[^\s<>()\[\]\"'“”]{0,2000}[^\s<>()\[\]\"'“”.,;:!?]"
_INTERNATIONAL_PHONE = r"(?<![\w.])\+\d{1,3}(?:[ .-]?\(?\d{1,4}\)?){2,5}(?!\w)"


@dataclass(frozen=True, kw_only=True)
class AddressWords:
    """How the signs of an address are said, and what a telephone number looks like."""

    dash: str
    underscore: str
    plus: str
    dot: str
    at: str
    slash: str
    colon: str
    digits: Callable[[str], str]
    """Says each digit by itself."""
    phones: Sequence[str]
    """Patterns of the country's own telephone numbers."""


def rules(words: AddressWords) -> tuple[Rule, ...]:
    """The rules for addresses, whose signs are said with `words`."""
    signs = {"-": words.dash, "_": words.underscore, "+": words.plus, ".": words.dot}

    def spell(name: str) -> str:
        name = re.sub(r"\d+", lambda match: f" {words.digits(match[0])} ", name)
        return re.sub(r"[-_+.]", lambda match: f" {signs[match[0]]} ", name)

    def url(match: re.Match[str]) -> str:
        scheme, _, address = match[0].rpartition("://")
        address = re.sub(r"^www\.", "", address, flags=re.I)
        host, _, path = re.split(r"[?#]", address, maxsplit=1)[0].partition("/")
        host, _, port = host.rpartition("@")[2].partition(":")
        said = spell(host[:100])
        if scheme.lower() not in ("", "http", "https"):
            said = f"{scheme} {said}"
        if re.fullmatch(r"\d{1,5}", port):
            said += f" {words.colon} {words.digits(port)}"
        segments = [segment for segment in path.split("/") if segment]
        if len(path) <= _MAX_PATH_CHARS and all(re.fullmatch(r"[\w.-]+", s) for s in segments):
            said += "".join(f" {words.slash} {spell(segment)}" for segment in segments)
        return said

    def mail(match: re.Match[str]) -> str:
        return f"{spell(match[1])} {words.at} {spell(match[2])}"

    def phone(match: re.Match[str]) -> str | None:
        groups = re.findall(r"\d+", match[0])
        if sum(map(len, groups)) > 15:
            return None
        plus = f"{words.plus} " if match[0].startswith("+") else ""
        return plus + ", ".join(map(words.digits, groups))

    return (
        rule(rf"(?:\b(?:https?|s?ftp|ssh|git|file|wss?)://|\bwww\.){_URL_BODY}", url, flags=re.I),
        rule(
            r"(?:\bmailto:)?(?<![\w.+-])([\w.+-]{1,64})@([\w-]{1,63}(?:\.[\w-]{1,63}){1,4})\b", mail
        ),
        rule(
            rf"(?<![\w@.-])(?:[a-z0-9][a-z0-9-]{{0,62}}\.){{1,4}}(?:{_TOP_LEVEL})\b(?!\.\w|@)"
            rf"(?::\d{{1,5}}\b)?(?:/{_URL_BODY})?",
            url,
            flags=re.I,
        ),
        rule(_INTERNATIONAL_PHONE, phone),
        *(rule(pattern, phone) for pattern in words.phones),
    )

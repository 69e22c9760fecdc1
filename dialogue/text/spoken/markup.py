"""What is written but not said: markdown, tags, entities."""

import html
import re

from dialogue.text.spoken.numbers import cardinal
from dialogue.text.spoken.rule import Rule, rule

_ENTITIES = {"&": "and", "<": "less than", ">": "greater than"}


def _entity(match: re.Match[str]) -> str:
    character = html.unescape(match[0])
    return _ENTITIES.get(character, character if character.isalnum() else "")


RULES: tuple[Rule, ...] = (
    rule(r"!?\[([^\[\]]{0,300})\]\(([^()\s]{0,1000})(?:\s\"[^\"]{0,200}\")?\)", lambda m: m[1]),
    rule(r"<!--.{0,500}?-->|</?[A-Za-z!?][^<>]{0,500}>", "", flags=re.S),
    rule(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,10});", _entity),
    rule(r"^[ \t]{0,8}#{1,6}[ \t]+", "", flags=re.M),
    rule(r"^[ \t]{0,8}(?:[-*_]\s?){3,}$", "", flags=re.M),
    rule(r"^[ \t]{0,8}[-*+•][ \t]+", "", flags=re.M),
    rule(r"^[ \t]{0,8}>[ \t]?", "", flags=re.M),
    rule(r"^[ \t]{0,8}(\d{1,2})[.)][ \t]+(?=\S)", lambda m: cardinal(int(m[1])) + ",", flags=re.M),
)

"""What is written but not said: markdown, tags, entities."""

import html
import re
from collections.abc import Callable, Mapping

from dialogue.text.languages.rules.rule import Rule, rule


def rules(entities: Mapping[str, str], cardinal: Callable[[int], str]) -> tuple[Rule, ...]:
    """`entities`: words for "&", "<" and ">" where they are escaped; `cardinal` numbers a list."""

    def entity(match: re.Match[str]) -> str:
        character = html.unescape(match[0])
        return entities.get(character, character if character.isalnum() else "")

    def list_item(match: re.Match[str]) -> str:
        return cardinal(int(match[1])) + ","

    return (
        rule(r"!?\[([^\[\]]{0,300})\]\(([^()\s]{0,1000})(?:\s\"[^\"]{0,200}\")?\)", lambda m: m[1]),
        rule(r"<!--.{0,500}?-->|</?[A-Za-z!?][^<>]{0,500}>", "", flags=re.S),
        rule(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,10});", entity),
        rule(r"^[ \t]{0,8}#{1,6}[ \t]+", "", flags=re.M),
        rule(r"^[ \t]{0,8}(?:[-*_]\s?){3,}$", "", flags=re.M),
        rule(r"^[ \t]{0,8}[-*+•][ \t]+", "", flags=re.M),
        rule(r"^[ \t]{0,8}>[ \t]?", "", flags=re.M),
        rule(r"^[ \t]{0,8}(\d{1,2})[.)][ \t]+(?=\S)", list_item, flags=re.M),
    )

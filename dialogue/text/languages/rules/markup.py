"""What is written but not said: markdown, tags, entities, citations, stage directions.

Only what is known as markup is taken away: `<your name>` is not a tag, and is said.
"""

import html
import re
from collections.abc import Callable, Mapping

from dialogue.text.languages.rules.rule import Rule, rule

_TAGS = (
    "a abbr article aside audio b blockquote body br button center cite code col dd del details "
    "div dl dt em embed figcaption figure font footer form h1 h2 h3 h4 h5 h6 head header hr html i "
    "iframe img input ins kbd li link main mark meta nav ol p phoneme pre prosody q s samp say-as "
    "script small span speak strike strong style sub sup svg table tbody td tfoot th thead tr tt "
    "u ul var video wbr break emphasis mstts:express-as"
).split()
_NOUNS = (
    "address audio button caption code color data date email figure font footer form head header "
    "image input label lang link main map mark menu meter object option output param picture "
    "progress ruby section select slot source style sub summary table template text time title "
    "track video voice"
).split()
"""Tags that are words as well: `<title>` alone stands for a title to be put there."""
_ATTRIBUTES = r"(?:\s{1,4}[\w:@.-]{1,40}\s?=[^<>]{0,500})?\s{0,4}/?"
_LOOK_AROUND_CHARS = 400
_ARRAY = re.compile(r"(?<!\w)(?:\w|arr|array|args|argv|list|items?|data|matrix|nums|values|row)$")
"""Before an index in square brackets, which is no citation."""
_CITED = r"\[\^?\d{1,3}(?:\s?[,;–-]\s?\^?\d{1,3}){0,20}\]"


def rules(entities: Mapping[str, str], cardinal: Callable[[int], str]) -> tuple[Rule, ...]:
    """`entities`: words for "&", "<" and ">" where they are escaped; `cardinal` numbers a list."""

    def entity(match: re.Match[str]) -> str:
        character = html.unescape(match[0])
        return entities.get(character, character if character.isalnum() else "")

    def list_item(match: re.Match[str]) -> str:
        return cardinal(int(match[1])) + ","

    return (
        rule(r"!?\[([^\[\]]{0,300})\]\(([^()\s]{0,1000})(?:\s\"[^\"]{0,200}\")?\)", lambda m: m[1]),
        rule(r"<!--.{0,500}?-->|<[!?][A-Za-z][^<>]{0,500}>", "", flags=re.S),
        rule(rf"</?({'|'.join([*_TAGS, *_NOUNS])})({_ATTRIBUTES})>", _tag, flags=re.I),
        rule(r"(?<=\w)<(?=[A-Z]\w{0,30}(?:, ?\w{1,30}){0,3}>)|"
             r"(?<!\w)<(?=[^\s<>\d=!-][^<>\n]{0,80}>)", " "),
        rule(r">", _closer),
        rule(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,10});", entity),
        *_citations(),
        rule(r"^[ \t]{0,8}#{1,6}[ \t]+", "", flags=re.M),
        rule(r"^[ \t]{0,8}(?:[-*_=]\s?){3,}$", "", flags=re.M),
        rule(r"^[ \t]{0,8}\|?(?:[ \t]{0,4}:?-{1,40}:?[ \t]{0,4}\|){1,30}(?:[ \t]{0,4}:?-{1,40}:?)?"
             r"[ \t]{0,4}$", "", flags=re.M),
        rule(r"^[ \t]{0,8}\|[ \t]?(?!\|)", "", flags=re.M),
        rule(r"[ \t]{0,4}(?<!\|)\|[ \t]{0,4}$", ".", flags=re.M),
        rule(r"[ \t]{0,4}(?<!\|)\|(?!\|)[ \t]{0,4}", ", "),
        rule(r"^[ \t]{0,8}[-*+•][ \t]+(?:\[[ xX]\][ \t]+)?", "", flags=re.M),
        rule(r"^[ \t]{0,8}>[ \t]?", "", flags=re.M),
        rule(r"^[ \t]{0,8}(\d{1,2})[.)][ \t]+(?=\S)", list_item, flags=re.M),
    )  # fmt: skip


def _tag(match: re.Match[str]) -> str | None:
    """A name that is a word too is a tag if it has attributes, or is closed or opened nearby."""
    name = match[1].lower()
    if name not in _NOUNS or "=" in match[2]:
        return " "
    around = match.string[max(0, match.start() - _LOOK_AROUND_CHARS) :]
    around = around[: 2 * _LOOK_AROUND_CHARS].lower()
    closing = match[0].startswith("</")
    return " " if closing or f"</{name}>" in around else None


def _closer(match: re.Match[str]) -> str | None:
    """The bracket behind `<your name`, which was taken away in front."""
    before = match.string[max(0, match.start() - 82) : match.start()]
    opened = before.rpartition("<")
    if not opened[1] or not opened[2] or opened[2][0].isspace() or ">" in opened[2]:
        return None
    if opened[0][-1:].isalnum() and not re.fullmatch(r"[A-Z]\w*(?:, ?\w+)*", opened[2]):
        return None
    return " "


def _citations() -> tuple[Rule, ...]:
    def cited(match: re.Match[str]) -> str | None:
        array = _ARRAY.search(match.string[max(0, match.start() - 12) : match.start()])
        return None if match[0] == "[0]" or array else ""

    return (
        rule(r"\s?【[^【】\n]{0,60}†[^【】\n]{0,80}】", ""),
        rule(
            rf"(?:(?<=[\w.,;:!?)\"'”’])|(?<=[\w.,;:!?)\"'”’]\s))\s?{_CITED}"
            rf"(?:\s?[,–-]?\s?{_CITED}){{0,10}}",
            cited,
        ),
        rule(r"\s?\[(?:citation needed|sources?|ref)\]", "", flags=re.I),
        rule(r"(?<=[a-z]{4})[¹²³⁰⁴⁵⁶⁷⁸⁹]{1,2}(?!\w)", ""),
    )


def stage_directions(verbs: str, manners: str) -> tuple[Rule, ...]:
    """What an actor would do and not say: `*sighs*`, `(laughs softly)`, `[pause]`.

    `verbs` and `manners` are alternatives of a pattern: "sighs|laughs", "softly|a little".
    """
    acts = rf"(?:{verbs})(?:(?:,? and)? (?:{verbs}|{manners})){{0,4}}"
    return (
        rule(rf"(?<![\w*])\*(?:{acts})[.!…]{{0,3}}\*(?![\w*])", "", flags=re.I),
        rule(rf"(?<![\w_])_(?:{acts})[.!…]{{0,3}}_(?![\w_])", "", flags=re.I),
        rule(rf"\((?:{acts})[.!…]{{0,3}}\)|\[(?:{acts})[.!…]{{0,3}}\]", "", flags=re.I),
    )

"""Reads a requirement from a text by rules: for every model that cannot be trusted to."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from apps.shopping.catalog.goods import GoodsKind
from apps.shopping.requirement import LARGEST_QUANTITY, Attributes, RequirementSpec
from apps.shopping.understanding.corrections import is_correction, without_taken_back
from apps.shopping.understanding.heard_brands import with_brands
from apps.shopping.understanding.number_words import with_digits
from apps.shopping.understanding.prices import Budget, budget_in
from apps.shopping.understanding.sizes import sizes_in
from apps.shopping.understanding.vocabulary import BUILT_IN, ShopWords

_SPELLED_WORDS = frozenset(("tv", "gps", "xs", "xl", "xxl", "usd"))
_SPELLED = re.compile(r"\b(?:[a-z]\.? ){1,3}[a-z]\b\.?")
_REFUSAL = re.compile(
    r"\b(?:not|no|non|nor|neither|except(?: for)?|but not|other than"
    r"|(?:anything|everything|anybody|anyone|everybody|everyone|all) but"
    r"|without|avoid|avoiding|exclude|excluding|excludes|skip|never|rather not|hate|hates|dislike"
    r"|dislikes|don't (?:like|want|need|show me|trust)|do not (?:like|want|need|trust)"
    r"|doesn't (?:like|want)|can't stand|won't (?:buy|have|take|want)"
    r"|(?:should|must|can|could|may)(?:n't| not) be|unwanted|excluded"
    r"|(?:won't|wouldn't|don't|can't|do not|will not) (?:consider|accept|care for|wish|buy|touch)"
    r"|wouldn't (?:buy|want|take)|isn't|aren't|not a fan of|instead of|apart from"
    r"|aside from|besides|sick of|tired of|nothing (?:from|by|in)"
    r"|any (?:color|colour|brand) but)\b"
)
_REFUSED_BEHIND = re.compile(
    r"^\W*(?:is|are)?\s*(?:out|excluded|not (?:an option|for me|wanted|welcome)|is a no|a no go"
    r"|no go|no-go)\b"
)
_BREAK = re.compile(
    r"[,.;:!?]|\b(?:but|however|with|under|below|for|in|i want|i need|i'd like|i would like|please"
    r"|just|preferably|rather|size)\b"
)
_LINK = re.compile(
    r"^\W*(?:(?:or|and|nor|a|an|the|any|from|by|in|of|brand|brands|color|colour|one|ones|it|to be"
    r"|be|anything|something|made|like|want|please|show me)\b\W*)*$"
)
_NOT_THIS = re.compile(r"\b(?:not|no|except|than|instead of) (?:a |an |the |any )?$")
_WITHOUT_APOSTROPHE = re.compile(
    r"\b(do|does|did|ca|wo|is|are|was|would|should|could|must)nt\b", re.IGNORECASE
)
_TAKES_BACK = re.compile(r"[\s,]*(?:sorry|wait|i mean|make (?:it|that)|actually)\b")
_OTHERS_COLOR = re.compile(
    r"\b(?!ones?\b|anything|something|comes?\b|made\b|interested)[a-z']+ in (?:an? |the )?$"
)
"""Of "except Keurig in red": the color is none of what is refused."""
_OWNED = re.compile(r"\b(?:replac\w+|my|our)\s+(?:(?:old|current|broken|existing)\s+)?$")
"""Before what somebody has already: it is neither wanted nor refused."""
_OTHER_SHOES = re.compile(
    r"\b(?:dress|leather|hiking|climbing|ballet|dance|football|soccer|basketball|golf|wedding|safety"
    r"|work|school|water|bowling|boat|high-heeled|formal) $"
)
_FILLING = re.compile(
    r"\b(?:from|by|in|for|a|an|the|any|brand|made|one|ones|or|and|nor|to be|be)\b"
)
_BESIDE_BRAND_MOST = 2
"""Words that may stand between a refusal and what is refused."""
_QUANTITY = re.compile(
    r"\b(?:a )?(?P<pair>pair of|couple of|dozen|pair)\b"
    r"|(?<![$€£\d.])\b(?P<number>\d{1,4})(?:\b| ?x\b)(?!\.\d)"
    r"(?! ?(?:inch|inches|\"|gb|%|dollars?|bucks?|euros?|pounds?|liters?|litres?|l\b|us\b))"
)
_NO_MATTER = (
    r"(?:does(?:n't| not) matter|is(?:n't| not) important|is no (?:object|issue)|no object)"
)
_FREED = {
    name: re.compile(
        rf"\b(?:any|whatever) {word}\b|\b{word}s? {_NO_MATTER}"
        rf"|\b(?:forget|never ?mind|don't care) (?:about )?the {word}s?\b"
    )
    for name, word in (
        ("budget", "(?:price|budget|cost)"),
        ("colors", "colou?r"),
        ("brands", "(?:brand|make)"),
        ("sizes", "size"),
    )
}
_ONES = re.compile(r"\b(?:of them|pieces|units|items|copies|sets|pairs)\b")
_USE = re.compile(
    r"\b(?:for|to use (?:for|in|at)|used for)\s+"
    r"(?:my |the |a |an |some |his |her |doing |use in |use at )*([a-z][a-z' -]{2,40})"
)
_ENDS_USE = re.compile(
    r"\b(?:under|below|in|with|and|but|not|around|over|that|which|please|less)\b"
)
_NO_USE = frozenset(
    ("", "a", "an", "the", "me", "us", "it", "less", "now", "them", "sale", "both", "all")
)


@dataclass(frozen=True)
class Reading:
    """What rules have read."""

    spec: RequirementSpec
    text: str
    """That they have read: in lower case, numbers as digits, brands as they are spelled."""
    kinds: tuple[str, ...]
    """All categories that it names."""
    freed: frozenset[str] = frozenset()
    """Of "budget", "colors", "brands" and "sizes", what it says does not matter."""


def spec_from(
    text: str, *, asked: str = "", category: str = "", vocabulary: ShopWords = BUILT_IN
) -> RequirementSpec:
    """What the text says of a wish; an empty requirement where it says nothing."""
    return reading_of(text, asked=asked, category=category, vocabulary=vocabulary).spec


def reading_of(
    text: str, *, asked: str = "", category: str = "", vocabulary: ShopWords = BUILT_IN
) -> Reading:
    """`asked`: the text answers the question for this field ("category", "budget", "size").
    `category`: of the wish so far, for what the text does not say. `vocabulary`: what things are
    called.
    """
    prepared = _prepared(text, vocabulary)
    kinds, text = _kinds(prepared, vocabulary)
    kind = kinds[0] if kinds else None
    text = without_taken_back(text)
    known = kind or vocabulary.kind(category)
    least = known.cheapest if known else math.inf
    budget, rest = budget_in(text, is_answer=asked == "budget", least=least)
    brands, brands_unwanted = _split(rest, vocabulary.brands)
    sizes, rest = sizes_in(rest, known, asked=asked)
    colors, colors_unwanted = _split(rest, vocabulary.colors)
    features, features_unwanted = _split(rest, vocabulary.features)
    quantity = _quantity(rest)
    if budget is None and quantity == 1 and kind is not None:
        budget = _bare_price(rest, kind)
    budget = budget or Budget()
    spec = RequirementSpec(
        category=kind.name if kind else "",
        budget_min=budget.low,
        budget_max=budget.high,
        budget_is_total=budget.is_total,
        currency=budget.currency,
        brands=brands,
        brands_unwanted=brands_unwanted,
        attributes=Attributes(
            colors=colors,
            colors_unwanted=colors_unwanted,
            sizes=sizes,
            features=features,
            features_unwanted=features_unwanted,
        ),
        quantity=quantity,
        use=_use(rest, known),
    )
    freed = frozenset(name for name, said in _FREED.items() if said.search(prepared))
    return Reading(spec, prepared, tuple(kind.name for kind in kinds), freed)


def _prepared(text: str, vocabulary: ShopWords) -> str:
    """In lower case, with numbers as digits and brands as they are spelled."""
    text = re.sub(r"!=|≠", " not ", text.replace("’", "'"))
    text = _WITHOUT_APOSTROPHE.sub(r"\1n't", text)
    plain = _joined_spelling(with_digits(text), vocabulary)
    plain = _any_of(tuple(vocabulary.articles), "s").sub(
        lambda found: vocabulary.articles[found["name"]], plain
    )
    return with_brands(plain, vocabulary.heard, vocabulary.ordinary)


@lru_cache(maxsize=64)
def _any_of(names: tuple[str, ...], behind: str, beside: str = r"\w") -> re.Pattern[str]:
    """Any of the names as words, the longest first; `behind`: what may follow a name, `beside`:
    what may not stand at either end."""
    either = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    return re.compile(rf"(?<![{beside}])(?P<name>{either})(?:{behind})?(?![{beside}])")


def _kinds(text: str, vocabulary: ShopWords) -> tuple[tuple[GoodsKind, ...], str]:
    """The kinds that are named, first the one that is meant, and the text with its name made the
    kind's own, so that "running shoes" says no use and "t-shirt" no size.

    Meant is the one that is named first (the longest name where several begin there), but for
    corrections: "a laptop, no, a tablet".
    """
    called = vocabulary.kinds_called
    named = [
        found
        for found in _any_of(tuple(called), "e?s", r"\w-").finditer(text)
        if not _NOT_THIS.search(text[: found.start()])
        and not (found["name"] == "shoes" and _OTHER_SHOES.search(text[: found.start()]))
        and not (found["name"] == "watch" and re.search(r"\b(?:to|i|we) $", text[: found.start()]))
    ]
    if not named:
        return (), text
    meant = named[0]
    for found in named[1:]:
        if is_correction(text[meant.end() : found.start()]):
            meant = found
    kind = called[meant["name"]]
    others = {called[found["name"]].name: called[found["name"]] for found in named}
    del others[kind.name]
    return (kind, *others.values()), text.replace(meant[0], " ¤ ")


def _joined_spelling(text: str, vocabulary: ShopWords) -> str:
    """Brands spelled letter by letter, as recognition writes them: "h p" is "hp"."""
    known = {*vocabulary.brands, *_SPELLED_WORDS}

    def join(found: re.Match[str]) -> str:
        letters = re.sub(r"[ .]", "", found[0])
        for begin in range(len(letters) - 1):
            if letters[begin:] in known:
                return " ".join((*letters[:begin], letters[begin:]))
        return found[0]

    return _SPELLED.sub(join, text)


def _split(text: str, names: Mapping[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Which of the names the text wants, and which it refuses."""
    wanted: dict[str, None] = {}
    refused: dict[str, None] = {}
    spans = [
        (found.start(), found.end(), names[found["name"]])
        for found in _any_of(tuple(names), "'s").finditer(text)
    ]
    before, behind_before, no = "", 0, False
    for start, end, value in spans:
        if _OWNED.search(text[:start]):
            continue
        between = text[behind_before:start]
        linked = bool(before) and bool(_LINK.match(between.replace(",", " ")))
        if before and not no and is_correction(between):
            wanted.pop(before, None)
        elif not linked or _REFUSAL.search(between):
            no = _is_refused(text, start) or bool(_REFUSED_BEHIND.match(text[end:]))
        (refused if no else wanted)[value] = None
        before, behind_before = value, end
    return (
        tuple(value for value in wanted if value not in refused),
        tuple(refused),
    )


def _is_refused(text: str, place: int) -> bool:
    """Whether a refusal stands before the place, with nothing between that ends it."""
    before = text[:place]
    refusals = list(_REFUSAL.finditer(before))
    if not refusals:
        return bool(re.search(r"\bnon-$", before))
    last = refusals[-1]
    between = re.sub(r"^\s*:", " ", before[last.end() :])
    if last[0] in ("no", "not") and re.match(r"\s*(?:more|less|over|above|under|below)\b", between):
        return False
    if last[0] == "no" and _TAKES_BACK.match(between):
        return False  # of something that no catalogue knows
    if _OTHERS_COLOR.search(between):
        return False
    named = _FILLING.sub(" ", between).split()
    linked = between.replace(" in ", " ").replace(" for ", " ")
    return not _BREAK.search(linked) and len(named) <= _BESIDE_BRAND_MOST


def _bare_price(text: str, kind: GoodsKind) -> Budget | None:
    """Of "laptop 500": the only number that is left, where goods of the kind may cost as much."""
    numbers = re.findall(r"(?<![\w.$€£-])\d+(?:\.\d+)?(?![\w.-])", text)
    if len(numbers) != 1 or not kind.cheapest < float(numbers[0]) < kind.dearest:
        return None
    return Budget(None, float(numbers[0]))


def _quantity(text: str) -> int:
    """How many pieces: a number that is no price, no size and stands before the goods."""
    before, goods, behind = text.partition("¤")
    for place, part in enumerate((before, behind) if goods else (text,)):
        for found in _QUANTITY.finditer(part):
            follows = part[found.end() :]
            if found["number"] is None:
                if found["pair"] == "couple of":
                    return 2
                if found["pair"] == "dozen":
                    return 12
                continue  # a pair of shoes is one
            number = int(found["number"])
            counts = place == 0 and bool(goods) and _stands_before_goods(follows)
            if 1 <= number <= LARGEST_QUANTITY and (counts or _ONES.search(follows[:12])):
                return number
    return 1


def _stands_before_goods(between: str) -> bool:
    """Whether only words of kinds and colors stand between a number and the goods."""
    return len(between.split()) <= 5 and not re.search(r"[.;!?]|\bsize\b", between)


def _use(text: str, kind: GoodsKind | None) -> str:
    if kind is None:
        return ""
    for use in sorted(kind.uses, key=len, reverse=True):
        if re.search(rf"\b{re.escape(use)}\b", text):
            return use
    found = _USE.search(text)
    words = _ENDS_USE.split(found[1])[0].strip(" -'") if found else ""
    return "" if words in _NO_USE else words

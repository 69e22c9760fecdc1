"""One requirement of two readings: what rules have read stays, and a model adds what they have not.

A model may be wrong, and a small one often is. It cannot loosen what the text says in words that
rules know: a limit, a brand, a color, a size. It adds what rules have no words for, where the text
holds something that it may come from; and where rules take a name for wanted, and the text refuses
something, its word counts.
"""

import re
from collections.abc import Iterable

from apps.shopping.requirement import Attributes, RequirementSpec
from apps.shopping.understanding.rules import Reading
from apps.shopping.understanding.vocabulary import BUILT_IN, ShopWords

_REFUSES = re.compile(
    r"\b(?:not?|non|nor|never|none|nothing|without|except|but|avoid\w*|exclud\w*|skip|hates?"
    r"|dislikes?|other than|instead of|apart from|rather than|\w+n't|cannot"
    r"|keine?[nrms]?|nicht|ohne|außer|pas|sans|sauf|sin|excepto|senza|tranne|geen|niet|behalve)\b"
)
"""Of other languages too, which only a model reads."""
_SEVERAL = re.compile(r"\b(?:both|couple|pairs?|dozen|twins|each|apiece|several)\b")
_TOGETHER = re.compile(r"\b(?:total|all|together|altogether|both|combined|overall|sum)\b")
_PLAIN = frozenset(
    "about above all and any anything apiece are around avoid been below between both bucks budget "
    "but buy can cannot cheaper color colour colours cost could dollar don each except find for "
    "from get give good had has have high hundred inch inches into isn its just less liter liters "
    "like liter litre look looking low make max maximum might min minimum more most much must need "
    "no non none nor not nothing off only other out over pair pay piece please price same search "
    "show size sized small large medium extra some something spend than that the their them then "
    "there these they thing think this those thousand too tops total under use usd want was who "
    "will with without won would you your made brand brands every kind least limit neither one "
    "should something usd euro euros pound pounds".split()
)
"""Words that say nothing of what goods are like."""
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_SAME = 1.0
"""Between a limit and its number: "under 1000" may be 999.99 or 999."""
_NEAR = 0.26
"""How far a limit may be from the number it comes from: "around 300" is 240 to 360."""


def agreed(
    reading: Reading, model: RequirementSpec, vocabulary: ShopWords = BUILT_IN
) -> RequirementSpec:
    """What is searched for: `reading` is the rules', `model` that of a model, of the same text."""
    rules, text = reading.spec, reading.text
    refuses = bool(_REFUSES.search(text))
    brands, brands_unwanted = _names(
        (rules.brands, rules.brands_unwanted),
        (_said(model.brands, reading), _said(model.brands_unwanted, reading)),
        refuses=refuses,
    )
    own = rules.attributes
    more = model.attributes if _has_unread(text, vocabulary) else _sized(model.attributes)
    colors, colors_unwanted = _names(
        (own.colors, own.colors_unwanted),
        (more.colors, more.colors_unwanted),
        refuses=refuses,
    )
    features, features_unwanted = _names(
        (own.features, own.features_unwanted),
        (more.features, more.features_unwanted),
        refuses=refuses,
    )
    free = _unclaimed(reading)
    quantity = rules.quantity
    if quantity == 1 and (model.quantity in free or _SEVERAL.search(text)):
        quantity = model.quantity
    low, high = _budget(rules, model, [number for number in free if number != quantity])
    together = model.budget_is_total and quantity > 1 and bool(_TOGETHER.search(text))
    has_budget = rules.budget_min is not None or rules.budget_max is not None
    return RequirementSpec(
        category=_category(reading, model.category),
        budget_min=low,
        budget_max=high,
        budget_is_total=rules.budget_is_total or together,
        currency=rules.currency if has_budget else model.currency,
        brands=brands,
        brands_unwanted=brands_unwanted,
        attributes=Attributes(
            colors=colors,
            colors_unwanted=colors_unwanted,
            sizes=own.sizes or _written(more.sizes, text),
            features=features,
            features_unwanted=features_unwanted,
        ),
        quantity=quantity,
        use=rules.use or model.use,
    )


def _has_unread(text: str, vocabulary: ShopWords) -> bool:
    """Whether there is a word that says something which rules do not know, as "crimson" does: where
    there is none, colors and features of a model come from nowhere."""
    brands = {word for name in vocabulary.brands for word in name.split()}
    known = vocabulary.ordinary | brands | _PLAIN
    return any(
        word not in known and word.removesuffix("s") not in known
        for word in re.findall(r"[a-z]{3,}", text)
    )


def _sized(wants: Attributes) -> Attributes:
    """The sizes alone."""
    return Attributes(sizes=wants.sizes)


def _category(reading: Reading, by_model: str) -> str:
    """Of several kinds that the text names, the one that the model takes for the goods."""
    named = reading.kinds
    return by_model if not named or by_model in named else reading.spec.category


def _names(
    rules: tuple[tuple[str, ...], tuple[str, ...]],
    model: tuple[tuple[str, ...], tuple[str, ...]],
    *,
    refuses: bool,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names wanted and unwanted of two readings."""
    wanted, unwanted = rules
    refused = [n for n in model[1] if refuses and (n not in wanted or n not in model[0])]
    unwanted = tuple(dict.fromkeys((*unwanted, *refused)))
    left = tuple(name for name in wanted if name not in unwanted)
    if not wanted:
        left = tuple(name for name in model[0] if name not in unwanted)
    return left, unwanted


def _said(names: Iterable[str], reading: Reading) -> tuple[str, ...]:
    """Brands of a model that the text has: it knows others, and likes to name them."""
    text = re.sub(r"[^a-z0-9]", "", reading.text)
    return tuple(name for name in names if re.sub(r"[^a-z0-9]", "", name.lower()) in text)


def _unclaimed(reading: Reading) -> list[float]:
    """Numbers of the text that rules have made neither a size nor a count of."""
    spec = reading.spec
    claimed = {size for size in spec.attributes.sizes if _NUMBER.fullmatch(size)}
    if spec.quantity > 1:
        claimed.add(str(spec.quantity))
    return [float(n) for n in _NUMBER.findall(reading.text) if n not in claimed]


def _budget(
    rules: RequirementSpec, model: RequirementSpec, free: list[float]
) -> tuple[float | None, float | None]:
    """Rules' own limits; a second one of the model's where another number is near it."""
    low, high = rules.budget_min, rules.budget_max
    if low is None and high is None:
        return (model.budget_min, model.budget_max) if free else (None, None)
    own = [bound for bound in (low, high) if bound is not None]
    other = [n for n in free if not any(abs(bound - n) <= _SAME for bound in own)]
    if low is None and model.budget_min is not None and high is not None:
        is_said = any(_is_near(model.budget_min, number) for number in other)
        low = model.budget_min if is_said and model.budget_min <= high else None
    elif high is None and model.budget_max is not None and low is not None:
        is_said = any(_is_near(model.budget_max, number) for number in other)
        high = model.budget_max if is_said and model.budget_max >= low else None
    return low, high


def _is_near(limit: float, number: float) -> bool:
    return abs(limit - number) <= _NEAR * number


def _written(sizes: tuple[str, ...], text: str) -> tuple[str, ...]:
    """Sizes of a model that the text has."""
    return tuple(
        size for size in sizes if re.search(rf"(?<![\w.]){re.escape(size.lower())}(?![\w.])", text)
    )

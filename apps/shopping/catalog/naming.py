"""What catalogues call things, in the words that people are understood by."""

import re
from functools import lru_cache

from apps.shopping.catalog.goods import COLOR_WORDS, KINDS

_WORDS = re.compile(r"[a-z]+")


@lru_cache(maxsize=4096)
def color_names(color: str) -> frozenset[str]:
    """The colors of an offer's: "Space Gray" is gray, "black/white" both; one that has no known
    word is itself."""
    text = " ".join(_WORDS.findall(color.lower()))
    found = set()
    for name in sorted(COLOR_WORDS, key=len, reverse=True):
        if re.search(rf"\b{name}\b", text):
            found.add(COLOR_WORDS[name])
            text = re.sub(rf"\b{name}\b", " ", text)
    return frozenset(found or filter(None, (color.strip().lower(),)))


@lru_cache(maxsize=4096)
def category_name(category: str, title: str) -> str:
    """The kind of goods that a category is called after ("Laptops" is laptop); else that which the
    title names, where the category is wider than that ("Electronics"); else the category."""
    said = " ".join(category.lower().split())
    for kind in KINDS:
        for name in (kind.name, *kind.called):
            if said in (name, f"{name}s", f"{name}es"):
                return kind.name
    if said in _WIDE or not said:
        named = [
            (found.start(), kind.name)
            for kind in KINDS
            for name in kind.called
            if (found := re.search(rf"(?<![\w-]){re.escape(name)}(?:e?s)?(?![\w-])", title.lower()))
        ]
        # Goods stand at the end of a title, what they are for behind "for" or "with".
        if named:
            return min(named)[1]
    return category


_WIDE = frozenset(
    "electronics computers computer audio home kitchen household clothing clothes fashion apparel "
    "shoes footwear sports sport sportswear outdoor outdoors bags luggage office furniture "
    "lighting appliances gadgets accessories wearables other misc products goods".split()
)
"""Of services: no kinds of goods, but shelves that have many."""

"""The names that people use: of kinds, brands, colors and features, as the catalogues know them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from apps.shopping.catalog.goods import BRANDS, COLOR_WORDS, FEATURES, KINDS, GoodsKind

_ALSO_CALLED = {
    "levis": "Levi's",
    "levi": "Levi's",
    "delonghi": "De'Longhi",
    "de longhi": "De'Longhi",
    "the north face": "North Face",
    "1 plus": "OnePlus",  # "one plus": numbers are digits by then
    "hewlett packard": "HP",
    "anchor": "Anker",
}
_ARTICLES = {
    "macbook pro": "apple laptop",
    "macbook air": "apple laptop",
    "macbook": "apple laptop",
    "thinkpad": "lenovo laptop",
    "surface laptop": "microsoft laptop",
    "surface pro": "microsoft tablet",
    "chromebook": "laptop",
    "iphone": "apple phone",
    "galaxy phone": "samsung phone",
    "pixel phone": "google phone",
    "ipad": "apple tablet",
    "galaxy tab": "samsung tablet",
    "kindle fire": "amazon tablet",
    "fire tablet": "amazon tablet",
    "airpods": "apple headphones",
    "apple watch": "apple smartwatch",
    "galaxy watch": "samsung smartwatch",
    "roomba": "irobot vacuum cleaner",
    "i robot": "irobot",  # before "robot vacuum" is a kind
}
_SOLD_ELSEWHERE = (
    "Toshiba, MSI, Huawei, Xiaomi, Oppo, Fairphone, Vizio, Grundig, GoPro, "
    "Olympus, Leica, Pentax, Casio, Suunto, Coros, ViewSonic, Iiyama, SteelSeries, "
    "HyperX, New Balance, Reebok, Under Armour, Skechers, Converse, Mizuno, Salomon, Arc'teryx, "
    "Mammut, Jack Wolfskin, Timberland, JanSport, Samsonite, Timbuk2, Zara, H&M, "
    "Calvin Klein, Tommy Hilfiger, Ralph Lauren, Lacoste, Krups, Melitta, Cuisinart, "
    "Hamilton Beach, Moulinex, Tefal, Electrolux, Rowenta, Roborock, Ecovacs, Eufy, NutriBullet, "
    "Secretlab, Schwinn, Skullcandy, AKG, Audio-Technica, Bang & Olufsen, Jabra, Plantronics"
)
"""Brands that no made-up catalogue has: who wants one of them wants no other."""


@dataclass(frozen=True)
class ShopWords:
    """Names in lower case to what the catalogues call it."""

    kinds: tuple[GoodsKind, ...]
    brands: Mapping[str, str]
    colors: Mapping[str, str]
    features: Mapping[str, str]
    articles: Mapping[str, str]
    """Goods that are known by a name of their own, as brand and kind."""
    heard: frozenset[str]
    """Of the brands' names those that recognition may spell otherwise; the others are too like
    ordinary words."""

    @cached_property
    def ordinary(self) -> frozenset[str]:
        """Words that are no brand, however they sound."""
        called = (name for kind in self.kinds for name in (*kind.called, *kind.uses))
        names = (*called, *self.colors, *self.features)
        return frozenset(word for name in names for word in name.lower().split())

    @cached_property
    def kinds_called(self) -> Mapping[str, GoodsKind]:
        """The kinds by what they are called; the first that has a name keeps it."""
        return {name: kind for kind in reversed(self.kinds) for name in kind.called}

    def kind(self, name: str) -> GoodsKind | None:
        """The kind of goods of a category."""
        return next((kind for kind in self.kinds if kind.name == name), None)

    def called(self, name: str) -> GoodsKind | None:
        """The kind that is called so, or so in the plural."""
        name = " ".join(name.lower().split())
        names = (name, name.removesuffix("s"), name.removesuffix("es"))
        return next((k for k in self.kinds if any(n in (k.name, *k.called) for n in names)), None)

    def with_goods(self, goods: Iterable[GoodsKind]) -> "ShopWords":
        """This one, with all that a catalogue has beside it."""
        kinds = {kind.name: kind for kind in self.kinds}
        brands, colors, features = dict(self.brands), dict(self.colors), dict(self.features)
        heard = set(self.heard)
        for more in goods:
            known = kinds.get(more.name)
            kinds[more.name] = more if known is None else _both(known, more)
            brands.update((name.lower(), name) for name in more.brands if name)
            heard.update(name.lower() for name in more.brands if name)
            for color in more.colors:
                colors.setdefault(color.lower(), color.lower())
            for feature in more.features:
                features.setdefault(feature.lower(), feature.lower())
        return replace(
            self,
            kinds=tuple(kinds.values()),
            brands=brands,
            colors=colors,
            features=features,
            heard=frozenset(heard),
        )


def _both(known: GoodsKind, more: GoodsKind) -> GoodsKind:
    """A kind as it is called here, with the prices and names of a catalogue."""
    return replace(
        known,
        brands=tuple(dict.fromkeys((*known.brands, *more.brands))),
        cheapest=min(known.cheapest, more.cheapest),
        dearest=max(known.dearest, more.dearest),
    )


BUILT_IN = ShopWords(
    kinds=KINDS,
    brands={name.lower(): name for name in map(str.strip, _SOLD_ELSEWHERE.split(","))}
    | {brand.lower(): brand for brand in BRANDS}
    | _ALSO_CALLED,
    colors=COLOR_WORDS,
    articles=_ARTICLES,
    heard=frozenset(brand.lower() for brand in BRANDS),
    features={word.lower(): f.name for f in FEATURES for word in (*f.called, f.name)},
)

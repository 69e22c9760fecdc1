"""Two made-up marketplaces: the same ones every time, with shared and differing offers."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from apps.shopping.catalog.goods import KINDS, GoodsKind
from apps.shopping.catalog.offer import Offer

VERSION = "2"
"""Changes with what is made: catalogues of another version are made anew."""
PER_KIND = 120
_SEED = 20261127


@dataclass(frozen=True)
class Marketplace:
    """`share`: of all goods that it sells; `markup`: lowest and highest price against the list."""

    name: str
    slug: str
    share: float
    markup: tuple[float, float]


MARKETPLACES = (
    Marketplace("Harbor Market", "harbor", 0.72, (0.94, 1.06)),
    Marketplace("Lantern Lane", "lantern", 0.68, (0.85, 1.15)),
)


def offers(marketplace: Marketplace) -> Iterator[Offer]:
    """Everything that it sells, in a fixed order."""
    for kind in KINDS:
        # One source for the goods, which both sell, and one for what each makes of them.
        goods = random.Random(f"{_SEED} {kind.name}")  # noqa: S311 - made up, and no secret
        own = random.Random(f"{_SEED} {kind.name} {marketplace.slug}")  # noqa: S311
        for number in range(PER_KIND):
            article = _article(kind, number, goods)
            sold = own.random() < marketplace.share
            factor = own.uniform(*marketplace.markup)
            stock = own.choice((0, 2, 5, 9, 14, 30, 75))
            if sold:
                yield article.model_copy(
                    update={
                        "id": f"{marketplace.slug}-{article.gtin}",
                        "price": max(1.0, round(article.price * factor) - 0.01),
                        "stock": stock,
                        "rating": round(min(5.0, max(2.5, own.gauss(article.rating, 0.15))), 1),
                        "marketplace": marketplace.name,
                        "url": f"https://{marketplace.slug}.example/p/{article.gtin}",
                    }
                )


def _article(kind: GoodsKind, number: int, goods: random.Random) -> Offer:
    brand = kind.brands[number % len(kind.brands)]
    line = goods.choice(kind.lines)
    color = goods.choice(kind.colors)
    features = tuple(f for f in kind.features if goods.random() < 0.55)
    uses = tuple(sorted(goods.sample(kind.uses, k=min(2, len(kind.uses)))))
    sizes = _sizes(kind, goods)
    # Most things are cheap, as in shops: the square draws towards the lower end.
    place = goods.random() ** 2
    price = kind.cheapest + place * (kind.dearest - kind.cheapest)
    model = f"{line} {goods.randint(1, 9)}{goods.choice(('', '0', '00', 'S', 'X'))}"
    inches = f" {sizes[0]}-inch" if kind.size_kind == "inch" else ""
    liters = f" {sizes[0]} L" if kind.size_kind == "liter" else ""
    noun = kind.called[0].title() if kind.name != "t-shirt" else "T-Shirt"
    with_what = f" with {', '.join(features)}" if features else ""
    return Offer(
        id="-",
        gtin=f"{KINDS.index(kind) + 1:02d}{number:04d}",
        title=f"{brand} {model}{inches}{liters} {noun}, {color}",
        brand=brand,
        category=kind.name,
        price=round(price, 2),
        color=color,
        sizes=sizes,
        features=features,
        uses=uses,
        rating=round(3.2 + 1.7 * goods.random(), 1),
        description=f"{color.title()} {kind.name} by {brand}{with_what}. Good for "
        f"{' and '.join(uses) if uses else 'every day'}.",
    )


def _sizes(kind: GoodsKind, goods: random.Random) -> tuple[str, ...]:
    if kind.size_kind in ("inch", "liter"):
        return (goods.choice(kind.sizes),)
    if not kind.sizes:
        return ()
    return tuple(size for size in kind.sizes if goods.random() < 0.7) or kind.sizes[1:3]

"""One thing that one marketplace offers, and whether it is what is wanted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Protocol

from pydantic import AfterValidator, AliasChoices, BaseModel, ConfigDict, Field

from apps.shopping.catalog.goods import GoodsKind
from apps.shopping.catalog.naming import color_names
from apps.shopping.requirement import RequirementSpec

FOUND_AT_MOST = 200
"""Offers that a catalogue gives for one search, to be ranked."""


def _stripped(value: str) -> str:
    return " ".join(value.split())


Line = Annotated[str, AfterValidator(_stripped)]


class Offer(BaseModel):
    """As catalogues give it; also what an imported line has to hold."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", coerce_numbers_to_str=True, populate_by_name=True
    )

    id: Line = Field(
        min_length=1,
        max_length=100,
        description="of the offer, in its marketplace",
        validation_alias=AliasChoices("id", "product_id", "sku"),
    )
    gtin: Line = Field("", description="of the article, the same in every marketplace")
    title: Line = Field(
        min_length=1, max_length=300, validation_alias=AliasChoices("title", "name")
    )
    brand: Line = ""
    category: Line
    price: float = Field(gt=0, description="of one piece")
    currency: str = Field("USD", min_length=3, max_length=3)
    color: Line = ""
    sizes: tuple[str, ...] = Field((), description="those that there are")
    features: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    stock: int | None = Field(None, ge=0, description="pieces; none: it is not told")
    rating: float = Field(0.0, ge=0, le=5, description="0: nobody has rated it")
    description: Line = ""
    marketplace: str = ""
    url: str = ""


@dataclass(frozen=True)
class Search:
    """What a catalogue is asked."""

    spec: RequirementSpec
    words: str = ""
    """Looked for in the texts of the offers; where nothing fits they only rank."""
    limit: int = FOUND_AT_MOST


@dataclass(frozen=True)
class FoundOffers:
    """Offers that obey, the best first by the catalogue's own idea, and how many there are."""

    offers: Sequence[Offer]
    total: int


class Catalog(Protocol):
    """One marketplace."""

    @property
    def name(self) -> str: ...

    async def search(self, search: Search) -> FoundOffers:
        """Raises ShoppingError."""
        ...

    async def product(self, offer_id: str) -> Offer | None:
        """Raises ShoppingError."""
        ...

    async def kinds(self) -> Sequence[GoodsKind]:
        """What it sells and what that is called there, so that people are understood; empty where
        it cannot be told, or has no words of its own. Raises ShoppingError."""
        ...

    async def check(self) -> str:
        """What it is, for `/health`. Raises ShoppingError."""
        ...

    async def aclose(self) -> None: ...


def broken(spec: RequirementSpec, offer: Offer) -> list[str]:
    """The constraints that the offer does not obey, by their names."""
    low, high = spec.price_range
    wants = spec.attributes
    brand, colors = offer.brand.lower(), color_names(offer.color)
    sizes = {size.lower() for size in offer.sizes}
    has = {feature.lower() for feature in offer.features}
    rules = {
        "category": not spec.category or offer.category == spec.category,
        "currency": (low is None and high is None) or offer.currency == spec.currency,
        "budget_min": low is None or offer.price >= low - 1e-9,
        "budget_max": high is None or offer.price <= high + 1e-9,
        "brands": not spec.brands or brand in {name.lower() for name in spec.brands},
        "brands_unwanted": brand not in {name.lower() for name in spec.brands_unwanted},
        "colors": not wants.colors or not colors.isdisjoint(wants.colors),
        "colors_unwanted": colors.isdisjoint(wants.colors_unwanted),
        "sizes": not wants.sizes or any(size.lower() in sizes for size in wants.sizes),
        "features": all(feature.lower() in has for feature in wants.features),
        "features_unwanted": has.isdisjoint(f.lower() for f in wants.features_unwanted),
        "quantity": offer.stock is None or offer.stock >= spec.quantity,
    }
    return [name for name, kept in rules.items() if not kept]

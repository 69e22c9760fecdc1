"""What a person wants to buy, typed: every search obeys it to the letter."""

from collections.abc import Set as AbstractSet
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

LARGEST_QUANTITY = 1000


def _lower(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value.strip().lower() for value in values if value.strip()))


def _once(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value.strip() for value in values if value.strip()))


Names = Annotated[tuple[str, ...], AfterValidator(_once)]
Words = Annotated[tuple[str, ...], AfterValidator(_lower)]


class Attributes(BaseModel):
    """What the goods have to be like; each empty where it does not matter."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    colors: Words = Field((), description="any of these colors")
    colors_unwanted: Words = Field((), description="none of these colors")
    sizes: Names = Field(
        (),
        description="any of these sizes: S, M, L … of clothing, numbers of shoes, inches of "
        "screens, liters of bags",
    )
    features: Words = Field((), description="all of these, such as wireless or waterproof")
    features_unwanted: Words = Field((), description="none of these")


class RequirementSpec(BaseModel):
    """What is wanted. Fields that say nothing are not restricted."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    category: str = Field("", description="the kind of goods, for example laptop")
    budget_min: float | None = Field(None, ge=0, description="lowest price, itself allowed")
    budget_max: float | None = Field(
        None, ge=0, description="highest price, itself allowed: of 'under N' one cent below N"
    )
    budget_is_total: bool = Field(
        False, description="whether the budget is for all pieces together, and not for each"
    )
    currency: str = Field("USD", min_length=3, max_length=3, description="ISO 4217")
    brands: Names = Field((), description="any of these brands; empty: any brand")
    brands_unwanted: Names = Field((), description="none of these brands")
    attributes: Attributes = Attributes()
    quantity: int = Field(1, ge=1, le=LARGEST_QUANTITY, description="how many pieces")
    use: str = Field("", max_length=200, description="what it is for, in a few words")

    @property
    def says_nothing(self) -> bool:
        """Whether it holds no wish at all."""
        return self == RequirementSpec()

    @property
    def is_open(self) -> bool:
        """Whether nothing but the category is known."""
        return self == RequirementSpec(category=self.category, quantity=self.quantity)

    @property
    def price_range(self) -> tuple[float | None, float | None]:
        """Lowest and highest price of one piece."""
        pieces = self.quantity if self.budget_is_total else 1
        low, high = self.budget_min, self.budget_max
        return (
            None if low is None else low / pieces,
            None if high is None else high / pieces,
        )

    def freed(self, fields: AbstractSet[str]) -> "RequirementSpec":
        """This wish without its "budget", "colors", "brands" or "sizes", those of them that are
        named."""
        own = self.attributes
        wants = {name: () for name in ("colors", "sizes") if name in fields}
        if "colors" in fields:
            wants["colors_unwanted"] = ()
        changed: dict[str, object] = {"attributes": own.model_copy(update=wants)}
        if "budget" in fields:
            changed |= {"budget_min": None, "budget_max": None, "budget_is_total": False}
        if "brands" in fields:
            changed |= {"brands": (), "brands_unwanted": ()}
        return self.model_copy(update=changed)

    def refined(self, other: Self) -> "RequirementSpec":
        """This wish with what `other` says of it; what it does not say stays."""
        own, more = self.attributes, other.attributes
        brands = other.brands or tuple(
            brand for brand in self.brands if brand not in other.brands_unwanted
        )
        colors = more.colors or tuple(c for c in own.colors if c not in more.colors_unwanted)
        says_budget = other.budget_min is not None or other.budget_max is not None
        budget = other if says_budget else self
        return RequirementSpec(
            category=other.category or self.category,
            budget_min=budget.budget_min,
            budget_max=budget.budget_max,
            budget_is_total=budget.budget_is_total or other.budget_is_total,
            currency=budget.currency,
            brands=brands,
            brands_unwanted=_without((*self.brands_unwanted, *other.brands_unwanted), brands),
            attributes=Attributes(
                colors=colors,
                colors_unwanted=_without((*own.colors_unwanted, *more.colors_unwanted), colors),
                sizes=more.sizes or own.sizes,
                features=_without((*own.features, *more.features), more.features_unwanted),
                features_unwanted=_without(
                    (*own.features_unwanted, *more.features_unwanted), more.features
                ),
            ),
            quantity=other.quantity if other.quantity != 1 else self.quantity,
            use=other.use or self.use,
        )


def _without(values: tuple[str, ...], others: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(value for value in values if value not in others)

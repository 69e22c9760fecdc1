"""What the title of a listing says of its goods, where a marketplace tells no more."""

from collections.abc import Mapping
from typing import Any

from apps.shopping.catalog.naming import category_name, color_names
from apps.shopping.catalog.offer import Offer
from apps.shopping.understanding.rules import reading_of


def offer_of(told: Mapping[str, Any]) -> Offer:
    """An Offer of the fields that are told; brand, color, sizes and features are read in the title
    where they are not. Raises ValidationError."""
    offer = Offer.model_validate({name: value for name, value in told.items() if value is not None})
    read = reading_of(offer.title).spec
    wants = read.attributes
    color = offer.color or " ".join(sorted(color_names(" ".join(wants.colors))))
    return offer.model_copy(
        update={
            "category": read.category or category_name(offer.category, offer.title),
            "brand": offer.brand or next(iter(read.brands), ""),
            "color": color,
            "sizes": offer.sizes or wants.sizes,
            "features": offer.features or wants.features,
        }
    )

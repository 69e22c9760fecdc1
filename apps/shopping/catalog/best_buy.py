"""Best Buy's products API (developer.bestbuy.com) as a catalogue: on where BESTBUY_API_KEY is."""

import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx2
from pydantic import ValidationError

from apps.shopping.catalog.goods import GoodsKind
from apps.shopping.catalog.listing import offer_of
from apps.shopping.catalog.offer import FoundOffers, Offer, Search
from apps.shopping.faults import object_of, of_http
from apps.shopping.requirement import RequirementSpec

URL = "https://api.bestbuy.com"
NAME = "Best Buy"
WITHIN_S = 5.0
_PAGE = 100
"""The most that a page has; what does not obey is left out of it."""
_SHOWN = (
    "sku,upc,name,manufacturer,color,salePrice,url,customerReviewAverage,onlineAvailability,"
    "shortDescription"
)


class BestBuyCatalog:
    """Prices are in US dollars. How many pieces there are is not told."""

    name = NAME

    def __init__(self, key: str, http: httpx2.AsyncClient, *, url: str = URL) -> None:
        self._key = key
        self._http = http
        self._url = url.rstrip("/")

    async def search(self, search: Search) -> FoundOffers:
        """See Catalog."""
        reply = await self._get(f"/v1/products({_criteria(search)})", pageSize=str(_PAGE))
        offers = [
            offer
            for each in reply.get("products") or ()
            if each.get("onlineAvailability", True) and (offer := _offer(each)) is not None
        ]
        return FoundOffers(offers[: search.limit], int(reply.get("total") or len(offers)))

    async def product(self, offer_id: str) -> Offer | None:
        """See Catalog."""
        if not offer_id.isdigit():
            return None
        reply = await self._get(f"/v1/products(sku={offer_id})", pageSize="1")
        found = reply.get("products") or ()
        return _offer(found[0]) if found else None

    async def kinds(self) -> Sequence[GoodsKind]:
        """See Catalog: it is asked in our words."""
        return ()

    async def check(self) -> str:
        """See Catalog: its key is not spent on this."""
        return f"{NAME}, at {self._url}"

    async def aclose(self) -> None:
        """The client is whoever's made it."""

    async def _get(self, path: str, **parameters: str) -> dict[str, Any]:
        asked = {"apiKey": self._key, "format": "json", "show": _SHOWN, **parameters}
        try:
            response = await self._http.get(self._url + path, params=asked, timeout=WITHIN_S)
            if response.status_code == HTTPStatus.FORBIDDEN and "limit" in response.text.lower():
                response.status_code = HTTPStatus.TOO_MANY_REQUESTS  # it says so with 403
        except httpx2.HTTPError as error:
            raise of_http(error, NAME) from error
        return object_of(response, NAME)


def _criteria(search: Search) -> str:
    """All words have to be in the text; limits and brands are fields."""
    spec = search.spec
    words = f"{spec.category or search.words} {' '.join(spec.attributes.features)}"
    said = [quote(word, safe="") for word in re.findall(r"[A-Za-z0-9-]+", words)[:6]]
    parts = [f"search={word}" for word in said] + _limits(spec)
    if spec.brands:
        either = "|".join(f"manufacturer={quote(brand, safe='')}" for brand in spec.brands)
        parts.append(f"({either})")
    parts += [f"manufacturer!={quote(brand, safe='')}" for brand in spec.brands_unwanted]
    return "&".join(parts)


def _limits(spec: RequirementSpec) -> list[str]:
    low, high = spec.price_range
    limits = [] if low is None else [f"salePrice>={low:.2f}"]
    return limits if high is None else [*limits, f"salePrice<={high:.2f}"]


def _offer(product: dict[str, Any]) -> Offer | None:
    """None: it is not whole."""
    try:
        return offer_of(
            {
                "id": str(product.get("sku") or ""),
                "gtin": product.get("upc"),
                "title": product.get("name"),
                "brand": product.get("manufacturer"),
                "color": product.get("color"),
                "category": "",
                "price": product.get("salePrice"),
                "rating": product.get("customerReviewAverage"),
                "description": product.get("shortDescription"),
                "url": product.get("url"),
                "marketplace": NAME,
            }
        )
    except ValidationError:
        return None

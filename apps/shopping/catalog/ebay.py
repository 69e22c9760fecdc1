"""eBay's Browse API (developer.ebay.com) as a catalogue: on where EBAY_CLIENT_ID and
EBAY_CLIENT_SECRET are."""

import asyncio
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import httpx2
from pydantic import ValidationError

from apps.shopping.catalog.goods import GoodsKind
from apps.shopping.catalog.listing import offer_of
from apps.shopping.catalog.offer import FoundOffers, Offer, Search
from apps.shopping.faults import UNAVAILABLE, ShoppingError, object_of, of_http
from parley.clock import Clock, monotonic

URL = "https://api.ebay.com"
NAME = "eBay"
WITHIN_S = 5.0
_PAGE = 200
_SCOPE = "https://api.ebay.com/oauth/api_scope"
_EARLY_S = 60.0
"""Before its end a token is renewed."""


class EbayCatalog:
    """What is new, at a fixed price. A listing's brand, color and size are those of its title."""

    name = NAME

    def __init__(
        self,
        client_id: str,
        client_secret: str,
        http: httpx2.AsyncClient,
        *,
        url: str = URL,
        site: str = "EBAY_US",
        clock: Clock = monotonic,
    ) -> None:
        self._client = (client_id, client_secret)
        self._http = http
        self._url = url.rstrip("/")
        self._site = site
        self._clock = clock
        self._token = ""
        self._token_ends_s = 0.0
        self._renewing = asyncio.Lock()

    async def search(self, search: Search) -> FoundOffers:
        """See Catalog."""
        spec, wants = search.spec, search.spec.attributes
        # Several brands or colors cannot be asked for in one search: they are looked for after it.
        words = [spec.category or search.words, *wants.features]
        for names in (spec.brands, wants.colors):
            words += names if len(names) == 1 else ()
        filters = ["buyingOptions:{FIXED_PRICE}", "conditions:{NEW}"]
        low, high = spec.price_range
        if low is not None or high is not None:
            least = "" if low is None else f"{low:.2f}"
            most = "" if high is None else f"..{high:.2f}"
            filters += [f"price:[{least}{most}]", f"priceCurrency:{spec.currency}"]
        reply = await self._get(
            "/buy/browse/v1/item_summary/search",
            q=" ".join(words)[:100],
            limit=str(_PAGE),
            filter=",".join(filters),
        )
        items = reply.get("itemSummaries") or ()
        offers = [offer for each in items if (offer := _offer(each)) is not None]
        return FoundOffers(offers[: search.limit], int(reply.get("total") or len(offers)))

    async def product(self, offer_id: str) -> Offer | None:
        """See Catalog."""
        try:
            return _offer(await self._get(f"/buy/browse/v1/item/{quote(offer_id, safe='')}"))
        except LookupError:
            return None

    async def kinds(self) -> Sequence[GoodsKind]:
        """See Catalog: it is asked in our words."""
        return ()

    async def check(self) -> str:
        """See Catalog: whether it takes our credentials."""
        await self._authorized()
        return f"{NAME}, {self._site}"

    async def aclose(self) -> None:
        """The client is whoever's made it."""

    async def _get(self, path: str, **parameters: str) -> dict[str, Any]:
        """Raises ShoppingError, and LookupError for what is not there."""
        headers = {
            "Authorization": f"Bearer {await self._authorized()}",
            "X-EBAY-C-MARKETPLACE-ID": self._site,
        }
        try:
            response = await self._http.get(
                self._url + path, params=parameters, headers=headers, timeout=WITHIN_S
            )
            if response.status_code == HTTPStatus.NOT_FOUND:
                raise LookupError(path)
            if response.status_code == HTTPStatus.UNAUTHORIZED:
                self._token_ends_s = 0.0
        except httpx2.HTTPError as error:
            raise of_http(error, NAME) from error
        return object_of(response, NAME)

    async def _authorized(self) -> str:
        """A token that is good for the next minute. Raises ShoppingError."""
        async with self._renewing:
            if self._clock() < self._token_ends_s - _EARLY_S:
                return self._token
            try:
                response = await self._http.post(
                    f"{self._url}/identity/v1/oauth2/token",
                    data={"grant_type": "client_credentials", "scope": _SCOPE},
                    auth=self._client,
                    timeout=WITHIN_S,
                )
                response.raise_for_status()
                told = response.json()
                self._token = str(told["access_token"])
                self._token_ends_s = self._clock() + float(told["expires_in"])
            except httpx2.HTTPError as error:
                raise of_http(error, NAME) from error
            except (ValueError, KeyError, TypeError) as error:
                raise ShoppingError(UNAVAILABLE, f"{NAME} gives no token.") from error
            return self._token


def _offer(item: dict[str, Any]) -> Offer | None:
    """None: it is not whole."""
    price = item.get("price") or {}
    try:
        return offer_of(
            {
                "id": item.get("itemId"),
                "gtin": item.get("gtin"),
                "title": item.get("title"),
                "brand": item.get("brand"),
                "color": item.get("color"),
                "category": "",
                "price": price.get("value"),
                "currency": price.get("currency"),
                "description": item.get("shortDescription"),
                "url": item.get("itemWebUrl"),
                "marketplace": NAME,
            }
        )
    except ValidationError:
        return None

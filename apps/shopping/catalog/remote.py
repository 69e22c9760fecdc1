"""A catalogue service over HTTP: `POST /search`, `GET /products/{id}`."""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from urllib.parse import quote, urlsplit

import httpx2
from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError

from apps.shopping.catalog.goods import GoodsKind
from apps.shopping.catalog.naming import category_name
from apps.shopping.catalog.offer import FoundOffers, Offer, Search
from apps.shopping.faults import UNAVAILABLE, ShoppingError, of_http

WITHIN_S = 5.0

_log = logging.getLogger(__name__)


class SearchReply(BaseModel):
    """What the service answers."""

    model_config = ConfigDict(extra="ignore")

    products: tuple[dict[str, JsonValue], ...]
    total_count: int | None = None


class RemoteCatalog:
    """The service at `url`."""

    def __init__(self, url: str, http: httpx2.AsyncClient) -> None:
        self._url = url.rstrip("/")
        self._http = http
        self.name = urlsplit(url).hostname or url

    async def search(self, search: Search) -> FoundOffers:
        """See Catalog."""
        asked = {
            "requirement_spec": search.spec.model_dump(mode="json"),
            "query": search.words,
            "limit": search.limit,
        }
        try:
            response = await self._http.post(f"{self._url}/search", json=asked, timeout=WITHIN_S)
            response.raise_for_status()
            reply = SearchReply.model_validate_json(response.content)
        except httpx2.HTTPError as error:
            raise of_http(error, self.name) from error
        except ValidationError as error:
            raise self._nonsense() from error
        offers = [offer for each in reply.products if (offer := self._offer(each)) is not None]
        if reply.products and not offers:
            raise self._nonsense()
        return FoundOffers(offers, len(offers) if reply.total_count is None else reply.total_count)

    def _offer(self, product: Mapping[str, JsonValue]) -> Offer | None:
        """None: it is no offer; the others of the answer are."""
        try:
            offer = Offer.model_validate(product)
        except ValidationError as error:
            _log.warning("%s offers what is none: %s", self.name, error.errors()[0]["loc"])
            return None
        return offer.model_copy(
            update={
                "category": category_name(offer.category, offer.title),
                "marketplace": offer.marketplace or self.name,
            }
        )

    async def product(self, offer_id: str) -> Offer | None:
        """See Catalog."""
        address = f"{self._url}/products/{quote(offer_id, safe='')}"
        try:
            response = await self._http.get(address, timeout=WITHIN_S)
            if response.status_code == HTTPStatus.NOT_FOUND:
                return None
            response.raise_for_status()
            return Offer.model_validate_json(response.content)
        except httpx2.HTTPError as error:
            raise of_http(error, self.name) from error
        except ValidationError as error:
            raise self._nonsense() from error

    async def kinds(self) -> Sequence[GoodsKind]:
        """See Catalog: a service is asked in our words."""
        return ()

    async def check(self) -> str:
        """See Catalog: any answer says that it is there."""
        try:
            await self._http.get(f"{self._url}/health", timeout=1.0)
        except httpx2.HTTPError as error:
            raise of_http(error, self.name) from error
        return self._url

    async def aclose(self) -> None:
        """The client is whoever's made it."""

    def _nonsense(self) -> ShoppingError:
        return ShoppingError(UNAVAILABLE, f"{self.name} gives an answer that is none.")

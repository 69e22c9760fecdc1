"""Public marketplaces behind the catalogue's interface, as their references say they answer."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx2
import pytest
from aiohttp import web
from pydantic import SecretStr

from apps.shopping.catalog.best_buy import BestBuyCatalog
from apps.shopping.catalog.ebay import EbayCatalog
from apps.shopping.catalog.offer import Search, broken
from apps.shopping.catalog.opening import open_marketplaces, public_catalogs
from apps.shopping.faults import ShoppingError
from apps.shopping.requirement import Attributes, RequirementSpec
from apps.shopping.settings import ShoppingSettings

SPEC = RequirementSpec(
    category="laptop",
    budget_min=300,
    budget_max=999.99,
    brands_unwanted=("HP",),
    attributes=Attributes(features=("touchscreen",)),
)
BEST_BUY_PRODUCTS = [
    {
        "sku": 6534615,
        "upc": "195348192",
        "name": 'Dell - Inspiron 15.6" Touchscreen Laptop - Silver',
        "manufacturer": "Dell",
        "color": "Platinum Silver",
        "salePrice": 549.99,
        "url": "https://example.com/6534615",
        "customerReviewAverage": "4.50",
        "onlineAvailability": True,
        "shortDescription": None,
    },
    {
        "sku": 2,
        "name": 'HP - 14" Touchscreen Laptop',
        "manufacturer": "HP",
        "salePrice": 500.0,
        "onlineAvailability": True,
    },
    {"sku": 3, "name": "Dell Touchscreen Laptop", "salePrice": 500.0, "onlineAvailability": False},
    {"sku": 4, "name": "Dell Touchscreen Laptop", "salePrice": None, "onlineAvailability": True},
]
EBAY_ITEMS = [
    {
        "itemId": "v1|110|0",
        "title": 'Lenovo Yoga 14" Touchscreen Laptop Gray NEW',
        "price": {"value": "612.00", "currency": "USD"},
        "itemWebUrl": "https://example.com/110",
    },
    {
        "itemId": "v1|111|0",
        "title": 'HP Pavilion 14" Touchscreen Laptop',
        "price": {"value": "512.00", "currency": "USD"},
    },
    {"itemId": "v1|112|0", "title": "Lenovo Touchscreen Laptop"},
]


@dataclass
class Marketplaces:
    """Both of them on a socket."""

    url: str = ""
    status: int = 200
    asked: list[web.Request] = field(default_factory=list)
    tokens: int = 0

    async def best_buy(self, request: web.Request) -> web.Response:
        self.asked.append(request)
        reply = {"total": 214, "products": BEST_BUY_PRODUCTS}
        if "sku=" in request.path:
            reply = {"total": 0, "products": []}
        return web.json_response(reply, status=self.status)

    async def token(self, request: web.Request) -> web.Response:
        self.asked.append(request)
        self.tokens += 1
        given = base64.b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode()
        assert given == "id:secret" and (await request.post())["grant_type"] == "client_credentials"
        return web.json_response({"access_token": f"token{self.tokens}", "expires_in": 7200})

    async def ebay(self, request: web.Request) -> web.Response:
        self.asked.append(request)
        return web.json_response({"total": 3, "itemSummaries": EBAY_ITEMS}, status=self.status)


@asynccontextmanager
async def serving() -> AsyncIterator[Marketplaces]:
    marketplaces, app = Marketplaces(), web.Application()
    app.add_routes(
        [
            web.get("/v1/{products}", marketplaces.best_buy),
            web.post("/identity/v1/oauth2/token", marketplaces.token),
            web.get("/buy/browse/v1/item_summary/search", marketplaces.ebay),
        ]
    )
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    marketplaces.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield marketplaces
    finally:
        await runner.cleanup()


async def test_best_buy_is_asked_for_the_constraints_and_its_products_are_offers() -> None:
    async with serving() as marketplaces, httpx2.AsyncClient() as http:
        catalog = BestBuyCatalog("key", http, url=marketplaces.url)
        found = await catalog.search(Search(SPEC))
        assert await catalog.product("7") is None
    asked = marketplaces.asked[0]
    assert asked.query["apiKey"] == "key" and asked.query["format"] == "json"
    for part in (
        "search=laptop",
        "search=touchscreen",
        "salePrice>=300.00",
        "salePrice<=999.99",
        "manufacturer!=HP",
    ):
        assert part in asked.path
    assert [offer.id for offer in found.offers] == ["6534615", "2"]  # the others are not whole
    dell, hp = found.offers
    assert (dell.brand, dell.category, dell.sizes) == ("Dell", "laptop", ("15.6",))
    assert dell.rating == 4.5 and broken(SPEC, dell) == []
    assert broken(SPEC, hp) == ["brands_unwanted"]


async def test_ebay_gets_a_token_once_and_its_titles_tell_brand_and_size() -> None:
    now_s = 0.0
    async with serving() as marketplaces, httpx2.AsyncClient() as http:
        catalog = EbayCatalog("id", "secret", http, url=marketplaces.url, clock=lambda: now_s)
        found = await catalog.search(Search(SPEC))
        await catalog.search(Search(SPEC))
        assert marketplaces.tokens == 1
        now_s = 7199.0
        await catalog.search(Search(SPEC))
        assert marketplaces.tokens == 2
    asked = marketplaces.asked[1]
    assert asked.headers["Authorization"] == "Bearer token1"
    assert "price:[300.00..999.99],priceCurrency:USD" in asked.query["filter"]
    assert asked.query["q"] == "laptop touchscreen"
    lenovo, hp = found.offers
    assert (lenovo.brand, lenovo.color, lenovo.sizes) == ("Lenovo", "gray", ("14",))
    assert broken(SPEC, lenovo) == [] and broken(SPEC, hp) == ["brands_unwanted"]


@pytest.mark.parametrize("status", [401, 403, 429, 500])
async def test_a_marketplace_that_refuses_costs_its_own_offers(status: int) -> None:
    async with serving() as marketplaces, httpx2.AsyncClient() as http:
        marketplaces.status = status
        for catalog in (
            BestBuyCatalog("key", http, url=marketplaces.url),
            EbayCatalog("id", "secret", http, url=marketplaces.url),
        ):
            with pytest.raises(ShoppingError):
                await catalog.search(Search(SPEC))


async def test_each_is_switched_on_by_its_key() -> None:
    async with httpx2.AsyncClient() as http:
        assert public_catalogs(ShoppingSettings(), http) == ()
        settings = ShoppingSettings(
            bestbuy_api_key=SecretStr("key"),
            ebay_client_id="id",
            ebay_client_secret=SecretStr("secret"),
        )
        public = public_catalogs(settings, http)
        markets = await open_marketplaces("", http, public)
        # Made-up goods are for who has no others.
        assert markets.names == ("Best Buy", "eBay")

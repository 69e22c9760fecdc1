"""Two catalogues: what is in them, what is found, and what happens when one is away."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import httpx2
import pytest
from aiohttp import web

from apps.shopping.catalog import importing, made_up
from apps.shopping.catalog.marketplaces import Marketplaces
from apps.shopping.catalog.offer import Offer, Search, broken
from apps.shopping.catalog.opening import IMPORTED, catalog_file, open_marketplaces
from apps.shopping.catalog.remote import RemoteCatalog
from apps.shopping.catalog.sqlite import SqliteCatalog, build, version_of
from apps.shopping.faults import ShoppingError
from apps.shopping.ranking import ranked
from apps.shopping.requirement import Attributes, RequirementSpec
from apps.shopping.service import ShoppingService
from apps.shopping.settings import ShoppingSettings
from parley import Results, TextDelta
from tests.apps.shopping.flowing import answer_of

LAPTOPS = RequirementSpec(category="laptop", budget_max=999.99, brands_unwanted=("HP",))


def test_two_marketplaces_share_articles_and_differ_in_offers() -> None:
    harbor, lantern = (list(made_up.offers(each)) for each in made_up.MARKETPLACES)
    articles = {offer.gtin for offer in (*harbor, *lantern)}
    assert len(articles) >= 2000
    assert len({offer.category for offer in (*harbor, *lantern)}) == 20
    both = {o.gtin for o in harbor} & {o.gtin for o in lantern}
    assert 0.3 < len(both) / len(articles) < 0.7
    prices = {o.gtin: o.price for o in harbor}
    assert sum(prices[o.gtin] != o.price for o in lantern if o.gtin in both) > len(both) / 2
    assert harbor == list(made_up.offers(made_up.MARKETPLACES[0]))


async def test_constraints_in_sql_are_the_same_as_by_the_rule(tmp_path: Path) -> None:
    offers = list(made_up.offers(made_up.MARKETPLACES[0]))
    file = tmp_path / "catalog.db"
    build(file, offers, version="1")
    catalog = SqliteCatalog("Harbor Market", file)
    for spec in (
        LAPTOPS,
        RequirementSpec(category="jacket", attributes=Attributes(sizes=("l",), colors=("red",))),
        RequirementSpec(category="headphones", attributes=Attributes(features=("wireless",))),
        RequirementSpec(category="backpack", budget_min=50, budget_max=100, quantity=10),
        RequirementSpec(category="phone", brands=("apple",), budget_max=500, currency="EUR"),
        RequirementSpec(attributes=Attributes(colors_unwanted=("black",)), budget_max=10),
    ):
        found = await catalog.search(Search(spec, limit=5000))
        expected = {offer.id for offer in offers if not broken(spec, offer)}
        assert {offer.id for offer in found.offers} == expected
        assert found.total == len(expected)
    assert await catalog.product(offers[0].id) == offers[0]
    await catalog.aclose()


def test_catalogs_that_are_made_at_once_are_each_whole(tmp_path: Path) -> None:
    file = tmp_path / "c.db"

    class Interrupted(list[Offer]):
        """While the first is being made, another is."""

        def __iter__(self) -> Iterator[Offer]:
            if not file.exists():
                file.touch()
                build(file, self, version="1")
            return super().__iter__()

    offers = Interrupted(islice(made_up.offers(made_up.MARKETPLACES[0]), 10))
    assert build(file, offers, version="1") == 10
    assert version_of(file) == "1"


async def test_words_find_what_has_no_category(tmp_path: Path) -> None:
    build(tmp_path / "c.db", made_up.offers(made_up.MARKETPLACES[0]), version="1")
    catalog = SqliteCatalog("Harbor Market", tmp_path / "c.db")
    found = await catalog.search(Search(RequirementSpec(), "something for smoothies", limit=10))
    assert {offer.category for offer in found.offers} == {"blender"}
    await catalog.aclose()


async def test_words_that_no_text_has_find_what_is_written_alike(tmp_path: Path) -> None:
    build(tmp_path / "c.db", made_up.offers(made_up.MARKETPLACES[0]), version="1")
    catalog = SqliteCatalog("Harbor Market", tmp_path / "c.db")
    for words, category in (("hedphones", "headphones"), ("coffemakers", "coffee maker")):
        found = await catalog.search(Search(RequirementSpec(), words, limit=10))
        assert {offer.category for offer in found.offers} == {category}
    nothing = await catalog.search(Search(RequirementSpec(), "zzyzx qwrtp", limit=10))
    assert not nothing.offers
    await catalog.aclose()


def own_goods(tmp_path: Path) -> Path:
    lines = tmp_path / "music.jsonl"
    goods = [
        {"id": "g1", "title": "Fender Strat", "brand": "Fender", "category": "Guitars"},
        {"id": "g2", "title": "Gibson SG", "brand": "Gibson", "category": "Guitars"},
        {"id": "l1", "title": "Acer Swift", "brand": "Acer", "category": "Laptops"},
    ]
    colors = ("Sunburst", "Cherry Red", "Space Gray")
    rows = [
        each | {"price": 400, "color": color} for each, color in zip(goods, colors, strict=True)
    ]
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return lines


async def test_imported_goods_are_understood_by_the_names_that_they_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARLEY_STATE_DIR", str(tmp_path))
    assert importing.main([str(own_goods(tmp_path)), "--marketplace", "Music"]) == 0
    service = ShoppingService(ShoppingSettings, lambda: 0)
    async with service.running():
        for session, text, ids in (
            ("own1", "a guitar under 500 dollars, not Fender", ["g2"]),
            ("own2", "a red guitar under 500 dollars", ["g2"]),
            ("own3", "a gray laptop under 500 dollars", ["l1"]),
        ):
            events = await answer_of(service, session, text)
            (results,) = [event for event in events if isinstance(event, Results)]
            assert [item["id"] for item in results.items] == ids


async def test_what_was_imported_before_an_update_is_brought_up_to_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARLEY_STATE_DIR", str(tmp_path))
    file = catalog_file("Old Shop")
    build(file, [Offer.model_validate({**GOOD, "stock": 3})], version="imported")
    async with httpx2.AsyncClient() as http:
        markets = await open_marketplaces("", http)
        assert markets.names == ("Old Shop",)
        assert [o.id for o in (await markets.search(Search(LAPTOPS))).offers] == ["x1"]
        await markets.aclose()
    assert version_of(file) == IMPORTED


async def test_of_a_service_s_answer_what_is_no_offer_is_left_out() -> None:
    products = [
        {"sku": 17, "name": "Acer laptop", "brand": "Acer", "category": "Electronics", "price": 1},
        {"id": "x2", "title": "no price", "category": "laptop"},
    ]
    async with catalog_service({"products": products}) as url, httpx2.AsyncClient() as http:
        found = await (await open_marketplaces(url, http)).search(Search(LAPTOPS))
    assert [(offer.id, offer.category) for offer in found.offers] == [("17", "laptop")]


async def test_of_one_article_the_cheapest_offer_is_shown_and_why() -> None:
    low = Offer(id="a", gtin="1", title="A", category="laptop", price=500, stock=1, rating=4.5)
    high = low.model_copy(update={"id": "b", "price": 600.0, "marketplace": "Other"})
    other = low.model_copy(update={"id": "c", "gtin": "2", "rating": 3.0, "price": 400.0})
    first, second = ranked([high, other, low], LAPTOPS)
    assert first.offer.id == "a" and [each.id for each in first.elsewhere] == ["b"]
    assert any("$100 cheaper than at Other" in reason for reason in first.reasons)
    assert "the cheapest that fits" in second.reasons
    assert first.shown()["also_at"] == [{"marketplace": "Other", "price": 600.0, "url": ""}]


@asynccontextmanager
async def catalog_service(answer: Any, *, status: int = 200) -> AsyncIterator[str]:
    """A catalogue service that gives the same to every search."""
    asked: list[Any] = []

    async def search(request: web.Request) -> web.Response:
        asked.append(await request.json())
        return web.json_response(answer, status=status)

    async def product(request: web.Request) -> web.Response:
        products = {each.get("id"): each for each in answer["products"]}
        found = products.get(request.match_info["id"])
        return web.json_response(found, status=200 if found else 404)

    app = web.Application()
    app.add_routes([web.post("/search", search), web.get("/products/{id}", product)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


GOOD = {"id": "x1", "title": "Acer Swift", "brand": "Acer", "category": "laptop", "price": 700}
ANSWER = {
    "products": [
        {**GOOD, "stock": 3},
        {**GOOD, "id": "x2", "brand": "HP", "stock": 3},
        {**GOOD, "id": "x3", "price": 1500, "stock": 3},
    ],
    "total_count": 3,
}


async def test_a_service_that_does_not_obey_is_made_to() -> None:
    async with catalog_service(ANSWER) as url, httpx2.AsyncClient() as http:
        markets = await open_marketplaces(url, http)
        found = await markets.search(Search(LAPTOPS))
        assert [offer.id for offer in found.offers] == ["x1"] and found.total == 1
        assert found.offers[0].marketplace == "127.0.0.1"
        product = await markets.catalogs[0].product("x2")
        assert product is not None and product.brand == "HP"
        assert await markets.catalogs[0].product("nothing") is None


@pytest.mark.parametrize(
    ("status", "code", "retryable"),
    [
        (500, "service_unavailable", True),
        (401, "authentication_error", False),
        (429, "rate_limited", True),
        (422, "validation_error", False),
    ],
)
async def test_each_failure_of_a_service_has_its_code(
    status: int, code: str, retryable: bool
) -> None:
    async with catalog_service({}, status=status) as url, httpx2.AsyncClient() as http:
        with pytest.raises(ShoppingError) as raised:
            await RemoteCatalog(url, http).search(Search(LAPTOPS))
    assert (raised.value.code, raised.value.retryable) == (code, retryable)


async def test_one_catalogue_down_costs_its_offers_and_is_said(shop_state: Path) -> None:
    async with catalog_service(ANSWER) as url:
        settings = ShoppingSettings(catalog_service_url=f"{url},http://127.0.0.2:1")
        service = ShoppingService(lambda: settings)
        async with service.running():
            events = await answer_of(service, "down1", "a laptop under $1000, not HP")
            assert (await service.health())["status"] == "degraded"
    (results,) = [event for event in events if isinstance(event, Results)]
    assert [item["id"] for item in results.items] == ["x1"]
    said = "".join(event.text for event in events if isinstance(event, TextDelta))
    assert "127.0.0.2 cannot be reached" in said


async def test_all_catalogues_down_is_an_error_that_may_be_tried_again() -> None:
    async with httpx2.AsyncClient() as http:
        markets = Marketplaces([RemoteCatalog("http://127.0.0.1:1", http)])
        with pytest.raises(ShoppingError) as raised:
            await markets.search(Search(LAPTOPS))
    assert raised.value.code == "service_unavailable" and raised.value.retryable


async def test_csv_and_json_lines_are_imported_whole_or_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARLEY_STATE_DIR", str(tmp_path))
    csv = tmp_path / "goods.csv"
    csv.write_text(
        "id,title,brand,category,price,color,sizes,stock\n"
        'c1,"Blue coat, warm",Marmot,jacket,99.5,blue,S|M,4\n'
    )
    assert importing.main([str(csv), "--marketplace", "My Shop"]) == 0
    lines = tmp_path / "more.jsonl"
    lines.write_text(json.dumps({**GOOD, "stock": 2}) + "\n")
    assert importing.main([str(lines), "--marketplace", "Other"]) == 0
    broken_file = tmp_path / "wrong.jsonl"
    broken_file.write_text(json.dumps({**GOOD, "price": -1}) + "\n")
    with pytest.raises(importing.ImportFileError, match=r"wrong\.jsonl:1: price"):
        importing.main([str(broken_file), "--marketplace", "Other"])
    async with httpx2.AsyncClient() as http:
        markets = await open_marketplaces("", http)
        assert markets.names == ("My Shop", "Other")
        found = await markets.search(Search(RequirementSpec()))
        assert Counter(offer.id for offer in found.offers) == {"c1": 1, "x1": 1}
        (coat,) = [offer for offer in found.offers if offer.id == "c1"]
        assert coat.sizes == ("S", "M") and coat.marketplace == "My Shop"
        await markets.aclose()

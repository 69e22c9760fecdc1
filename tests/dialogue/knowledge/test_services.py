"""Services as tools: against the example services, and against servers that misbehave."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import pytest
import uvicorn
from aiohttp import web
from fastapi import FastAPI

from dialogue.breakers.breaker import BreakerPolicy, Breakers
from dialogue.services.opening import open_services
from dialogue.services.services import Services, ServiceSpec
from dialogue.tools import CallableTool, ToolArgumentsError, run_tool
from parley.app.session import Session
from parley.app.tool import ToolContext, ToolError
from parley.settings.services import ServicesSection
from testkit.example_services import PetStore, vehicles
from tests.dialogue.knowledge.serving import serving


@dataclass
class Told:
    """Of a conversation, what a service's tool needs."""

    session: Session
    turn_id: str = "t1"
    said: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        self.said.append(text)

    def hang_up(self) -> None: ...

    def hand_off(self, agent: str) -> None: ...


class _NoLog:
    entries = ()


def context(turn_id: str = "t1") -> ToolContext:
    return Told(Session(id="s1", user="anna", channel="text", log=_NoLog()), turn_id)


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The test's own are left alone."""
        yield


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[str]:
    server = _Server(uvicorn.Config(app, port=0, log_config=None, lifespan="off"))
    task = asyncio.create_task(server.serve())
    try:
        async with asyncio.timeout(60):
            while not server.started:  # noqa: ASYNC110 - uvicorn tells nobody
                await asyncio.sleep(0.01)
        (socket,) = server.servers[0].sockets
        yield f"http://127.0.0.1:{socket.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


@asynccontextmanager
async def reading(*specs: ServiceSpec, breakers: Breakers | None = None) -> AsyncIterator[Services]:
    services = Services(specs, breaker=breakers.of if breakers else None)
    services.start()
    try:
        assert await services.ready(60)
        yield services
    finally:
        await services.aclose()


def named(services: Services, name: str) -> CallableTool:
    return next(tool for tool in services.tools() if tool.name == name)


async def test_the_example_services_are_offered_reading_at_once_and_changing_by_approval() -> None:
    store = PetStore()
    async with running(store.app()) as pets, running(vehicles()) as cars:
        settings = ServicesSection(petstore_url=pets, vehicles_url=cars)
        services = open_services(settings)
        assert services is not None
        source = services.of_session()
        source.start()
        assert await source.ready(60)
        marks = {
            tool.name: (tool.read_only, tool.needs_approval, tool.must_finish)
            for tool in source.tools()
        }
        reading_, changing = (True, False, False), (False, True, True)
        assert marks == {
            "petstore_list_pets": reading_,
            "petstore_get_pet": reading_,
            "petstore_reserve_pet": changing,
            "vehicles_list_vehicles": reading_,
            "vehicles_vehicle_exists": reading_,
            "vehicles_book_vehicle": changing,
        }
        found = await named(services, "petstore_list_pets").run({"animal": "dog"}, context())
        assert [pet["name"] for pet in json.loads(found)] == ["Bello"]
        head = named(services, "vehicles_vehicle_exists")
        assert await head.run({"vehicle_id": "HH-PA 7"}, context()) == "It is there."
        assert (await head.run({"vehicle_id": "x/../HH-PA 7"}, context())).startswith("Not found")
        await source.aclose()
        stats = services.connection_stats["petstore"]
        assert (stats.max_connections, stats.max_keepalive) == (100, 20)
        assert (stats.requests, stats.connections_made, stats.in_use) == (2, 1, 0)
        await services.aclose()
    assert store.reservations == []


async def test_a_change_that_is_asked_for_again_in_its_turn_is_made_once() -> None:
    store = PetStore()
    async with running(store.app()) as url, reading(ServiceSpec(name="petstore", url=url)) as ours:
        reserve = named(ours, "petstore_reserve_pet")
        call = {"pet_id": 2, "body": {"customer": "Anna"}}
        first = await reserve.run(dict(call), context())
        assert json.loads(first)["pet"]["status"] == "reserved"
        assert await reserve.run(dict(call), context()) == first
        assert len(store.reservations) == 1
        outcome, told = await run_tool(reserve, dict(call), context("t2"))
        assert outcome == "failed"
        assert "Bello is reserved" in told


async def test_what_a_service_calls_wrong_the_model_may_try_again() -> None:
    app = PetStore().app()
    async with running(app) as url, reading(ServiceSpec(name="petstore", url=url)) as ours:
        reserve = named(ours, "petstore_reserve_pet")
        with pytest.raises(ToolArgumentsError, match="customer"):
            await reserve.run({"pet_id": 1, "body": {"customer": ""}}, context())
        told = await named(ours, "petstore_get_pet").run({"pet_id": 99}, context())
        assert told.startswith("Not found.")
        assert "there is no pet 99" in told


DOCUMENT = {
    "openapi": "3.0.0",
    "paths": {"/x": {"get": {"operationId": "get"}, "post": {"operationId": "post"}}},
}


async def described(_: web.Request) -> web.Response:
    return web.json_response(DOCUMENT)


async def test_a_key_goes_to_the_service_and_is_in_no_error() -> None:
    seen: list[str] = []

    async def get(request: web.Request) -> web.Response:
        seen.append(request.headers["Authorization"])
        return web.Response(status=403, text="no")

    async with serving({"GET /openapi.json": described, "GET /x": get}) as url:
        spec = ServiceSpec(name="shop", url=url, token="hunter2")
        async with reading(spec) as ours:
            with pytest.raises(ToolError, match="status 403: no") as error:
                await named(ours, "shop_get").run({}, context())
    assert seen == ["Bearer hunter2"]
    assert "hunter2" not in str(error.value)


async def test_a_redirect_is_not_followed() -> None:
    async def get(_: web.Request) -> web.Response:
        raise web.HTTPFound("http://127.0.0.1:1/evil")

    async with serving({"GET /openapi.json": described, "GET /x": get}) as url:
        ours = Services([ServiceSpec(name="shop", url=url)])
        ours.start()
        assert await ours.ready(60)
        with pytest.raises(ToolError, match="not followed"):
            await named(ours, "shop_get").run({}, context())
        await ours.aclose()


async def test_a_service_that_is_late_is_given_up_and_its_breaker_opens() -> None:
    asked = 0

    async def get(_: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        await asyncio.Event().wait()
        return web.Response()

    breakers = Breakers(policy=BreakerPolicy(bad_calls=1, bad_share=0.1, open_s=600))
    async with serving({"GET /openapi.json": described, "GET /x": get}) as url:
        spec = ServiceSpec(name="shop", url=url, timeout_s=2.0)
        async with reading(spec, breakers=breakers) as ours:
            tool = named(ours, "shop_get")
            for _ in range(3):
                with pytest.raises(ToolError, match="unavailable"):
                    await tool.run({}, context())
            assert asked == 1
            assert ours.connection_stats["shop"].failures == 1
    await breakers.aclose()


async def test_an_answer_without_end_is_given_up() -> None:
    async def get(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 1_000_000)

    async with serving({"GET /openapi.json": described, "GET /x": get}) as url:
        spec = ServiceSpec(name="shop", url=url, timeout_s=60)
        async with reading(spec) as ours:
            with pytest.raises(ToolError, match="more than 4 MB"):
                await named(ours, "shop_get").run({}, context())


async def test_a_service_that_is_away_has_no_tools_and_says_why_and_comes_back() -> None:
    async def broken(_: web.Request) -> web.Response:
        if not mended:
            return web.Response(text="<html>")
        return web.json_response(DOCUMENT)

    mended = False
    async with (
        serving({"GET /openapi.json": broken}) as url,
        reading(
            ServiceSpec(name="shop", url=url),
            ServiceSpec(name="nowhere", url="http://127.0.0.1:1"),
        ) as ours,
    ):
        assert ours.tools() == []
        assert (
            "neither JSON nor YAML" in ours.problems["shop"]
            or "something else" in (ours.problems["shop"])
        )
        assert "cannot be reached" in ours.problems["nowhere"]
        mended = True
        async with asyncio.timeout(60):
            while not ours.tools():  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.02)
        assert ours.problems["shop"] == ""
        assert ours.tool_counts == {"shop": 2, "nowhere": 0}


def test_settings_that_name_no_service_open_nothing() -> None:
    assert open_services(ServicesSection()) is None

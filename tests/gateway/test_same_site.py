"""Which browsers are served: by a name that is ours, and for pages that may ask."""

import httpx
import pytest

from tests.gateway.conftest import Serve, settings_with

SHOP = "https://shop.example.org"
OURS = "http://127.0.0.1:8080"


async def token(client: httpx.AsyncClient, **headers: str) -> httpx.Response:
    return await client.post(
        "/api/token",
        json={},
        headers={key.replace("_", "-"): value for key, value in headers.items()},
    )


def code(answer: httpx.Response) -> str:
    return str(answer.json()["error"]["code"]) if answer.is_error else ""


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "@", "a b"]
)
async def test_a_name_that_is_not_ours_gets_nothing(serve: Serve, host: str) -> None:
    async with serve(settings_with()) as client:
        for answer in (
            await token(client, host=host),
            await client.get("/", headers={"host": host}),
        ):
            assert (answer.status_code, code(answer)) == (421, "unknown_host")


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:8080",
        "localhost:8080",
        "LOCALHOST",
        "[::1]:8080",
        "192.168.1.7",
        "mybox:8080",
        "mybox.local:8080",
        "parley.localhost",
        "gateway.internal",
        "parley.example.org:443",
    ],
)
async def test_addresses_local_names_and_those_of_the_settings_are_ours(
    serve: Serve, host: str
) -> None:
    async with serve(settings_with(allowed_hosts=["parley.example.org"])) as client:
        assert (await token(client, host=host)).status_code == 201


async def test_any_name_is_ours_where_the_settings_say_so(serve: Serve) -> None:
    async with serve(settings_with(allowed_hosts=["*"])) as client:
        assert (await token(client, host="whatever.example")).status_code == 201


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 201),  # no browser
        ({"origin": OURS}, 201),
        ({"origin": OURS, "sec_fetch_site": "same-origin"}, 201),
        # A proxy has put its own name for us in place of the browser's.
        ({"origin": "https://parley.example.org", "sec_fetch_site": "same-origin"}, 201),
        ({"origin": SHOP, "sec_fetch_site": "cross-site"}, 201),
        ({"origin": SHOP}, 201),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "https://evil.example", "sec_fetch_site": "cross-site"}, 403),
        ({"origin": "http://127.0.0.1:9999", "sec_fetch_site": "same-site"}, 403),
        ({"origin": "http://127.0.0.1:9999"}, 403),
        ({"origin": "null"}, 403),
        ({"sec_fetch_site": "cross-site"}, 403),
    ],
)
async def test_only_our_page_and_those_of_the_settings_may_ask(
    serve: Serve, headers: dict[str, str], status: int
) -> None:
    async with serve(settings_with(allowed_origins=[SHOP])) as client:
        answer = await token(client, **headers)
    assert answer.status_code == status
    assert code(answer) == ("foreign_page" if status == 403 else "")


async def test_what_another_site_asks_does_not_use_up_the_visitors_calls(serve: Serve) -> None:
    async with serve(settings_with(calls_per_minute=1)) as client:
        for _ in range(60):
            assert (await token(client, origin="https://evil.example")).status_code == 403
        assert (await token(client, origin=OURS)).status_code == 201


async def test_a_link_on_another_site_opens_the_page(serve: Serve) -> None:
    async with serve(settings_with()) as client:
        answer = await client.get("/liveness", headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 200

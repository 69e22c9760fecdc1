"""Whose request it is: a proxy that is trusted says so, and nobody else."""

from pathlib import Path

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from gateway.client_address import ClientAddress
from parley.errors import ConfigurationError
from parley.settings import load_orchestrator
from tests.gateway.conftest import Serve, settings_with


async def client_of(
    address: str, *forwarded: str, proxies: tuple[str, ...] = ("10.0.0.0/8", "fd00::/8")
) -> str:
    seen = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["client"][0])

    headers = [(b"x-forwarded-for", line.encode()) for line in forwarded]
    scope = {"type": "http", "client": (address, 1), "headers": headers}
    await ClientAddress(app, proxies=proxies)(scope, None, None)  # type: ignore[arg-type]
    return str(seen[0])


@pytest.mark.parametrize(
    ("address", "forwarded", "client"),
    [
        ("10.0.0.1", ["203.0.113.7"], "203.0.113.7"),
        ("10.0.0.1", ["198.51.100.1, 203.0.113.7"], "203.0.113.7"),
        ("10.0.0.1", ["198.51.100.1, 203.0.113.7, 10.2.3.4"], "203.0.113.7"),
        ("10.0.0.1", ["198.51.100.1", "203.0.113.7"], "203.0.113.7"),
        ("10.0.0.1", ["10.9.9.9"], "10.9.9.9"),
        ("10.0.0.1", ["203.0.113.7:4711"], "203.0.113.7"),
        ("10.0.0.1", ["[2001:db8::1]:4711"], "2001:db8::1"),
        ("10.0.0.1", ["2001:db8::1"], "2001:db8::1"),
        ("fd00::1", ["203.0.113.7"], "203.0.113.7"),
        ("::ffff:10.0.0.1", ["203.0.113.7"], "203.0.113.7"),
        ("10.0.0.1", ["203.0.113.7, nonsense"], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("127.0.0.1", ["203.0.113.7"], "127.0.0.1"),
        ("192.0.2.1", ["203.0.113.7"], "192.0.2.1"),
    ],
)
async def test_the_right_most_address_that_is_no_proxy_counts(
    address: str, forwarded: list[str], client: str
) -> None:
    assert await client_of(address, *forwarded) == client


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.0.0.1", "192.168.1.5", "198.51.100.2"])
async def test_nobody_is_believed_by_default_the_loopback_included(address: str) -> None:
    assert await client_of(address, "203.0.113.7", proxies=()) == address


async def answers(client: httpx.AsyncClient, *addresses: str) -> list[int]:
    return [
        (await client.post("/api/token", headers={"x-forwarded-for": address})).status_code
        for address in addresses
    ]


@pytest.mark.parametrize(
    "made_up",
    [
        ("10.0.0.1", "10.0.0.2", "10.0.0.3"),
        ("127.0.0.1", "::1", "localhost"),
        ("203.0.113.1, 10.0.0.1", "203.0.113.2, 10.0.0.1", "203.0.113.3"),
        ("", "nonsense", "256.1.1.1"),
    ],
)
async def test_a_made_up_address_does_not_get_round_the_limit(
    serve: Serve, made_up: tuple[str, ...]
) -> None:
    async with serve(settings_with(calls_per_minute=1)) as client:
        assert await answers(client, *made_up) == [201, 429, 429]


async def test_behind_a_trusted_proxy_everybody_has_a_limit_of_their_own(serve: Serve) -> None:
    settings = settings_with(calls_per_minute=1, trusted_proxies=["127.0.0.1"])
    async with serve(settings) as client:
        found = await answers(client, "192.0.2.1", "192.0.2.2", "8.8.8.8, 192.0.2.1", "192.0.2.2")
    assert found == [201, 201, 429, 429]


@pytest.mark.parametrize("network", ["everybody", "10.0.0.0/33", "10.0.0.1/8", "proxy.example"])
def test_what_is_no_network_is_refused_with_its_place(tmp_path: Path, network: str) -> None:
    file = tmp_path / "orchestrator.yaml"
    file.write_text(f"server:\n  trusted_proxies: ['{network}']\n")
    with pytest.raises(ConfigurationError, match=r"trusted_proxies"):
        load_orchestrator(file, environ={})

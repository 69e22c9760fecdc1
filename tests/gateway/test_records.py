"""The records of calls are for operators alone, and are served as a player wants them."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from gateway.app import create_app
from gateway.records.routes import TRIES_PER_MINUTE
from parley.records.operator_key import OPEN_FOR_S, is_pass, operator_key, pass_of
from parley.settings.record import RecordSection
from testkit.made_record import CUT_HEARD, make_record
from tests.gateway.conftest import API_SECRET, settings_with

KEY = "an operators' key of some length"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("calls")
    return folder, make_record(folder)


@pytest.fixture
async def client(place: tuple[Path, str], tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    (tmp_path / "index.html").write_text("<title>Parley</title>")
    (tmp_path / "calls.html").write_text("<title>Parley: calls</title>")
    settings = settings_with().model_copy(
        update={"record": RecordSection(place=str(place[0]), operator_key=SecretStr(KEY))}
    )
    transport = httpx.ASGITransport(create_app(settings, page_folder=tmp_path))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client


@pytest.fixture
async def operator(client: httpx.AsyncClient) -> httpx.AsyncClient:
    answer = await client.post("/api/calls/open", json={"key": KEY})
    assert answer.status_code == 204
    return client


@pytest.mark.parametrize("path", ["", "/{id}", "/{id}/audio", "/{id}/peaks"])
async def test_nothing_of_a_call_is_told_without_the_key(
    client: httpx.AsyncClient, place: tuple[Path, str], path: str
) -> None:
    address = "/api/calls" + path.format(id=place[1])
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Cookie": "parley_calls=1.2"}):
        answer = await client.get(address, headers=headers)
        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "operators_only"
    assert (await client.get(address, headers={"Authorization": f"Bearer {KEY}"})).is_success


async def test_the_key_cannot_be_guessed_for_long(client: httpx.AsyncClient) -> None:
    statuses = [
        (await client.post("/api/calls/open", json={"key": f"guess {number}"})).status_code
        for number in range(TRIES_PER_MINUTE + 1)
    ]
    assert statuses == [401] * TRIES_PER_MINUTE + [429]


async def test_a_browser_that_gave_the_key_reads_on_by_a_cookie_that_no_script_sees(
    client: httpx.AsyncClient, place: tuple[Path, str]
) -> None:
    answer = await client.post("/api/calls/open", json={"key": KEY})
    cookie = answer.headers["set-cookie"]
    assert KEY not in cookie
    assert {"HttpOnly", "SameSite=strict", "Path=/api/calls"} <= set(cookie.split("; "))
    call = (await client.get(f"/api/calls/{place[1]}")).json()
    cut = next(turn for turn in call["turns"] if turn["interrupted"])
    assert cut["heard"] == CUT_HEARD
    assert call["turns"][3]["over_ms"] == 650.0
    assert call["turns"][1]["tools"][0]["took_s"] == 1.72


async def test_the_list_says_what_each_call_was_like(operator: httpx.AsyncClient) -> None:
    (call,) = (await operator.get("/api/calls")).json()["calls"]
    assert (call["turns"], call["errors"], call["interruptions"]) == (5, 1, 1)
    assert call["slowest_ms"] == 1300.0
    assert call["over_objective"] == 1


async def test_a_player_gets_the_parts_that_it_asks_for(
    operator: httpx.AsyncClient, place: tuple[Path, str]
) -> None:
    folder, record_id = place
    address, whole = (
        f"/api/calls/{record_id}/audio",
        (folder / record_id / "audio.flac").read_bytes(),
    )
    answer = await operator.get(address)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/flac")
    assert answer.content == whole
    for asked, start, end in (
        ("bytes=0-", 0, len(whole)),
        ("bytes=100-199", 100, 200),
        ("bytes=-10", len(whole) - 10, len(whole)),
        (f"bytes=5-{10**12}", 5, len(whole)),
    ):
        answer = await operator.get(address, headers={"Range": asked})
        assert answer.status_code == 206
        assert answer.content == whole[start:end]
        assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(whole)}"
    answer = await operator.get(address, headers={"Range": f"bytes={len(whole)}-"})
    assert answer.status_code == 416
    answer = await operator.get(address, headers={"Range": f"bytes=5-{'9' * 5000}"})
    assert (answer.status_code, answer.content) == (200, whole), "no range that anybody asks for"


async def test_the_page_is_there_for_ids_alone(
    client: httpx.AsyncClient, place: tuple[Path, str]
) -> None:
    for path in ("/calls", f"/calls/{place[1]}"):
        answer = await client.get(path)
        assert "Parley: calls" in answer.text
        assert answer.headers["x-frame-options"] == "DENY"
    assert (await client.get("/calls/passwd")).status_code == 404


async def test_what_is_not_there_is_not_found(operator: httpx.AsyncClient) -> None:
    for path in ("/20260101T000000-0123456789abcdef", "/x", "/..%2f..%2fetc"):
        assert (await operator.get(f"/api/calls{path}")).status_code == 404


def test_without_a_key_of_its_own_it_is_made_of_livekits_secret() -> None:
    key = operator_key(RecordSection(), SecretStr(API_SECRET))
    assert len(key) == 40
    assert API_SECRET not in key
    assert key != operator_key(RecordSection(), SecretStr("another"))


def test_a_pass_ends() -> None:
    given = pass_of(KEY, now_s=1_000.0)
    assert is_pass(KEY, given, now_s=1_000.0 + OPEN_FOR_S - 1)
    assert not is_pass(KEY, given, now_s=1_000.0 + OPEN_FOR_S)
    assert not is_pass("another key of some length", given, now_s=1_000.0)
    assert not is_pass(KEY, f"99999999999.{given.partition('.')[2]}", now_s=1_000.0)

"""Who had a call, and nobody else, fetches its sound."""

import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from gateway.calls.session_keys import SessionKeys
from parley.records.lines import AUDIO_FILE, LINES_FILE
from parley.settings.orchestrator import OrchestratorSettings
from parley.settings.record import RecordSection
from testkit.made_record import make_record
from tests.gateway.conftest import API_SECRET, Serve, settings_with

CALLER = SessionKeys(API_SECRET).new()
HOUR_S = 3600


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("calls")


@pytest.fixture(scope="module")
def own(folder: Path) -> str:
    """The record of a call that has just ended."""
    return make_record(folder, session=CALLER.id)


@pytest.fixture
def settings(folder: Path) -> Callable[..., OrchestratorSettings]:
    def recording(**record: float) -> OrchestratorSettings:
        section = RecordSection.model_validate({"place": str(folder), **record})
        return settings_with().model_copy(update={"record": section})

    return recording


async def fetched(client: httpx.AsyncClient, record_id: str, key: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return await client.get(f"/api/recording/{record_id}", headers=headers)


async def test_the_caller_gets_both_sides(
    serve: Serve, settings: Callable[..., OrchestratorSettings], folder: Path, own: str
) -> None:
    async with serve(settings()) as client:
        answer = await fetched(client, own, CALLER.key)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/flac")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.content == (folder / own / AUDIO_FILE).read_bytes()


@pytest.mark.parametrize(
    "key",
    ["", CALLER.id, f"{CALLER.id}.{'0' * 32}", "s-made"],
    ids=["none", "its id", "its id and a wrong key", "another's id"],  # the same in every process
)
async def test_the_id_of_a_call_or_a_conversation_opens_nothing(
    serve: Serve, settings: Callable[..., OrchestratorSettings], own: str, key: str
) -> None:
    async with serve(settings()) as client:
        answer = await fetched(client, own, key)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "callers_only"


async def test_another_caller_learns_nothing_of_it(
    serve: Serve, settings: Callable[..., OrchestratorSettings], own: str
) -> None:
    other = SessionKeys(API_SECRET).new()
    async with serve(settings()) as client:
        answer = await fetched(client, own, other.key)
        nothing = await fetched(client, "20260101T000000-0123456789abcdef", other.key)
        elsewhere = await fetched(client, "..%2f..%2fetc", other.key)
    assert (answer.status_code, nothing.status_code, elsewhere.status_code) == (404, 404, 404)
    assert CALLER.id not in answer.text


@pytest.mark.parametrize(("hours_ago", "caller_hours"), [(25.0, 24.0), (0.1, 0.0)])
async def test_it_is_open_for_a_while_or_not_at_all(
    serve: Serve,
    settings: Callable[..., OrchestratorSettings],
    folder: Path,
    hours_ago: float,
    caller_hours: float,
) -> None:
    began_at_s = time.time() - hours_ago * HOUR_S
    record_id = make_record(folder, began_at_s=began_at_s, session=CALLER.id)
    async with serve(settings(caller_hours=caller_hours)) as client:
        answer = await fetched(client, record_id, CALLER.key)
    assert answer.status_code == 404


async def test_a_call_that_is_still_written_down_says_when_to_ask_again(
    serve: Serve, settings: Callable[..., OrchestratorSettings], folder: Path
) -> None:
    record_id = make_record(folder, session=CALLER.id)
    lines = folder / record_id / LINES_FILE
    kept = lines.read_bytes().splitlines(keepends=True)
    assert b'"ended"' in kept[-1]
    lines.write_bytes(b"".join(kept[:-1]))
    async with serve(settings()) as client:
        answer = await fetched(client, record_id, CALLER.key)
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "recording_unfinished"
    assert answer.headers["retry-after"] == "1"

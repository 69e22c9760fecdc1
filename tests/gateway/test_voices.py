import pytest

from parley.rpc.v1 import status_pb2
from tests.gateway.conftest import UNREACHABLE, Serve, listening, settings_with


async def test_voices_are_listed_the_default_first_then_those_at_hand(
    serve: Serve, worker: str
) -> None:
    settings = settings_with(workers=worker, voices=("lessac", "amy"))
    async with serve(settings) as client:
        answer = await client.get("/api/voices")
    voices = answer.json()["voices"]
    assert [voice["name"] for voice in voices] == ["joe", "amy", "lessac"]
    assert [voice["ready"] for voice in voices] == [True, True, False]
    assert [voice["default"] for voice in voices] == [True, False, False]
    assert voices[0] == {
        "name": "joe",
        "engine": "piper",
        "languages": ["en-US"],
        "sample_rate_hz": 22050,
        "license": "CC0-1.0",
        "ready": True,
        "default": True,
    }


async def test_where_the_operator_lists_none_only_those_at_hand_are_offered(
    serve: Serve, worker: str
) -> None:
    async with serve(settings_with(workers=worker)) as client:
        voices = (await client.get("/api/voices")).json()["voices"]
    assert [voice["name"] for voice in voices] == ["joe", "amy"]


async def test_only_what_the_operator_lists_is_offered_and_the_default(
    serve: Serve, worker: str
) -> None:
    async with serve(settings_with(workers=worker, voices=("lessac",))) as client:
        voices = (await client.get("/api/voices")).json()["voices"]
    assert [voice["name"] for voice in voices] == ["joe", "lessac"]


async def test_workers_are_listed_together_and_a_lost_one_hides_no_other(serve: Serve) -> None:
    async with (
        listening(("joe", status_pb2.VOICE_RESIDENCY_REMOTE)) as one,
        listening(
            ("joe", status_pb2.VOICE_RESIDENCY_RESIDENT), ("eve", status_pb2.VOICE_RESIDENCY_CACHED)
        ) as two,
        serve(settings_with(workers=f"{one},{UNREACHABLE},{two}")) as client,
    ):
        voices = (await client.get("/api/voices")).json()["voices"]
    assert [(voice["name"], voice["ready"]) for voice in voices] == [("joe", True), ("eve", True)]


async def test_without_any_worker_the_answer_says_so_and_only_the_log_says_which(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve(settings_with()) as client:
        answer = await client.get("/api/voices")
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "speech_unavailable"
    assert "127.0.0.1" not in answer.text
    assert UNREACHABLE in caplog.text
    assert answer.headers["retry-after"] == "2"

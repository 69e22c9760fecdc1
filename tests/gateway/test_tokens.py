"""What a token opens, and what it does not."""

import json
import time
from typing import Any

import jwt
import pytest
from pydantic import SecretStr

from gateway.calls.tokens import CallTokens
from parley.errors import ConfigurationError
from parley.room_events import DispatchMetadata
from parley.settings.orchestrator import LiveKitSection
from tests.gateway.conftest import API_KEY, API_SECRET, Serve, settings_with


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, API_SECRET, algorithms=["HS256"], issuer=API_KEY)
    return claims


async def test_token_opens_one_room_for_ten_minutes_at_most(serve: Serve) -> None:
    async with serve(settings_with()) as client:
        answer = (await client.post("/api/token", json={})).json()
    claims = claims_of(answer["token"])
    ours = {"url", "token", "room", "identity", "session"}
    assert set(answer) == {"server_url", "participant_token"} | ours
    assert answer["server_url"] == answer["url"]
    assert answer["participant_token"] == answer["token"]
    assert claims["video"]["room"] == answer["room"]
    assert claims["video"]["roomJoin"] is True
    assert claims["sub"] == answer["identity"]
    assert time.time() < claims["exp"] <= time.time() + 600


async def test_token_may_publish_the_microphone_and_data_and_nothing_else(serve: Serve) -> None:
    async with serve(settings_with()) as client:
        answer = (await client.post("/api/token", json={})).json()
    video = claims_of(answer["token"])["video"]
    assert video == {
        "roomJoin": True,
        "room": answer["room"],
        "canPublish": True,
        "canPublishSources": ["microphone"],
        "canPublishData": True,
        "canSubscribe": True,
        "canUpdateOwnMetadata": True,
    }


async def test_the_server_and_not_the_client_dispatches_the_agent(
    serve: Serve, worker: str
) -> None:
    async with serve(settings_with(workers=worker)) as client:
        answer = (await client.post("/api/token", json={"voice": "amy"})).json()
    configuration = claims_of(answer["token"])["roomConfig"]
    (dispatch,) = configuration["agents"]
    assert dispatch["agentName"] == "parley"
    assert DispatchMetadata.model_validate_json(dispatch["metadata"]).voice == "amy"
    assert configuration["maxParticipants"] == 2
    assert 0 < configuration["emptyTimeout"] <= 60
    assert 0 < configuration["departureTimeout"] <= 60


async def test_every_token_has_a_room_and_an_identity_of_its_own(serve: Serve) -> None:
    async with serve(settings_with()) as client:
        answers = [(await client.post("/api/token")).json() for _ in range(5)]
    assert len({answer["room"] for answer in answers}) == 5
    assert len({answer["identity"] for answer in answers}) == 5
    assert all(answer["room"].startswith("parley-") for answer in answers)
    assert all(answer["identity"].startswith("caller-") for answer in answers)


async def test_browsers_get_the_public_address(serve: Serve) -> None:
    async with serve(settings_with(public_url="wss://voice.example.org")) as client:
        answer = await client.post("/api/token", json={})
    assert answer.json()["url"] == "wss://voice.example.org"
    policy = answer.headers["content-security-policy"]
    assert "connect-src 'self' wss://voice.example.org https://voice.example.org" in policy


async def test_an_unknown_voice_is_refused_with_the_list(serve: Serve, worker: str) -> None:
    async with serve(settings_with(workers=worker)) as client:
        answer = await client.post("/api/token", json={"voice": "nobody"})
    assert answer.status_code == 422
    assert answer.json() == {
        "error": {
            "code": "unknown_voice",
            "message": "there is no voice 'nobody'; there are: joe, amy",
        }
    }


async def test_a_voice_that_cannot_be_checked_is_not_promised(serve: Serve) -> None:
    async with serve(settings_with()) as client:
        answer = await client.post("/api/token", json={"voice": "amy"})
    assert answer.status_code == 503
    assert answer.json()["error"]["code"] == "speech_unavailable"


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (LiveKitSection(), "LIVEKIT_API_KEY and LIVEKIT_API_SECRET are not set"),
        (LiveKitSection(api_key="k", api_secret=SecretStr("short")), "has 5 characters"),
        (
            LiveKitSection(
                api_key="k", api_secret=SecretStr(API_SECRET), public_url="voice.example.org"
            ),
            "livekit.public_url (or livekit.url) is 'voice.example.org'",
        ),
    ],
)
def test_settings_that_cannot_work_are_named(settings: LiveKitSection, problem: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        CallTokens(settings)
    assert problem in str(error.value)


def test_the_secret_is_in_no_answer() -> None:
    settings = LiveKitSection(api_key=API_KEY, api_secret=SecretStr(API_SECRET))
    access = CallTokens(settings).grant()
    assert API_SECRET not in json.dumps(access.__dict__)

"""The token endpoint as any LiveKit client speaks to it, and what a client has no say in."""

import json
from typing import Any

import httpx
import jwt
import pytest

from parley.room_events import DispatchMetadata
from tests.gateway.conftest import API_KEY, API_SECRET, Serve, settings_with

STANDARD = {
    "room_name": "support",
    "participant_identity": "ada",
    "participant_name": "Ada",
    "participant_metadata": "from the shop",
    "participant_attributes": {"plan": "gold"},
    "room_config": {"agents": [{"agent_name": "parley", "metadata": "about order 7"}]},
    "some_future_field": {"of": ["LiveKit's"]},
}


def claims_of(answer: httpx.Response) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(
        answer.json()["participant_token"], API_SECRET, algorithms=["HS256"], issuer=API_KEY
    )
    return claims


def told(answer: httpx.Response) -> DispatchMetadata:
    (dispatch,) = claims_of(answer)["roomConfig"]["agents"]
    assert dispatch["agentName"] == "parley"
    return DispatchMetadata.model_validate_json(dispatch["metadata"])


async def test_livekits_own_request_is_granted_with_201(serve: Serve) -> None:
    async with serve(settings_with()) as client:
        answer = await client.post("/api/token", json=STANDARD)
    assert answer.status_code == 201
    claims = claims_of(answer)
    assert claims["name"] == "Ada"
    assert claims["metadata"] == "from the shop"
    assert claims["attributes"]["plan"] == "gold"
    agent = told(answer)
    assert agent.metadata == "about order 7"
    assert agent.attributes == {"plan": "gold"}
    assert agent.user == claims["sub"] == answer.json()["identity"]
    assert agent.session == claims["attributes"]["parley.session"]
    assert not agent.resumed


async def test_an_empty_request_a_null_and_none_at_all_are_granted(serve: Serve) -> None:
    async with serve(settings_with()) as client:
        for body in (b"{}", b"null", b'{"room_config": null, "room_name": null}'):
            answer = await client.post(
                "/api/token", content=body, headers={"content-type": "application/json"}
            )
            assert answer.status_code == 201
        assert (await client.post("/api/token")).status_code == 201


async def test_who_asks_for_the_same_room_and_identity_gets_others(serve: Serve) -> None:
    async with serve(settings_with()) as client:
        one, other = [await client.post("/api/token", json=STANDARD) for _ in range(2)]
    rooms = {answer.json()["room"] for answer in (one, other)}
    assert len(rooms) == 2
    assert all(room.startswith("support-") for room in rooms)
    identities = {claims_of(answer)["sub"] for answer in (one, other)}
    assert len(identities) == 2
    assert all(identity.startswith("ada-") for identity in identities)


async def test_shared_rooms_are_those_that_are_asked_for_and_identities_stay_unique(
    serve: Serve,
) -> None:
    async with serve(settings_with(rooms="joint")) as client:
        one, other = [await client.post("/api/token", json=STANDARD) for _ in range(2)]
        nameless = await client.post("/api/token")
    assert claims_of(one)["video"]["room"] == claims_of(other)["video"]["room"] == "support"
    assert claims_of(one)["sub"] != claims_of(other)["sub"]
    assert claims_of(one)["roomConfig"]["maxParticipants"] > 2
    assert claims_of(nameless)["video"]["room"].startswith("parley-")


async def test_an_app_is_chosen_by_name_or_as_the_agent_of_a_standard_client(serve: Serve) -> None:
    settings = settings_with(apps={"shop": "shop.py", "desk": "desk.py"})
    as_agent = {"room_config": {"agents": [{"agent_name": "shop"}]}}
    async with serve(settings) as client:
        assert told(await client.post("/api/token", json={"app": "desk"})).app == "desk"
        assert told(await client.post("/api/token", json=as_agent)).app == "shop"
        assert told(await client.post("/api/token", json={})).app == ""
        unknown = await client.post("/api/token", json={"app": "../shop.py"})
    assert unknown.status_code == 422
    message = "there is no app '../shop.py'; there are: desk, shop"
    assert unknown.json() == {"error": {"code": "unknown_app", "message": message}}


async def test_a_conversation_goes_on_for_who_has_its_key(serve: Serve) -> None:
    async with serve(settings_with()) as client:
        first = await client.post("/api/token")
        again = await client.post("/api/token", json={"session": first.json()["session"]})
    assert told(again).session == told(first).session
    assert first.json()["room"] != again.json()["room"]


async def test_who_lost_a_call_says_so_with_the_key_to_its_conversation(serve: Serve) -> None:
    async with serve(settings_with()) as client:
        first = await client.post("/api/token")
        key = {"session": first.json()["session"]}
        again = await client.post("/api/token", json={**key, "resumed": True})
        called = await client.post("/api/token", json=key)
        keyless = await client.post("/api/token", json={"resumed": True})
    assert told(again).resumed
    assert told(again).session == told(first).session
    assert not told(called).resumed
    assert not told(keyless).resumed  # there is nothing to go on with


@pytest.mark.parametrize("change", ["", ".", ".0", "0"])
async def test_a_conversations_id_alone_opens_nothing(serve: Serve, change: str) -> None:
    """Everybody in a shared room sees the id."""
    async with serve(settings_with()) as client:
        first = await client.post("/api/token")
        key = told(first).session + change
        answer = await client.post("/api/token", json={"session": key})
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == "unknown_session"


async def test_the_largest_honest_request_fits(serve: Serve) -> None:
    attributes = {f"key-{n:02}": "v" * 200 for n in range(32)}
    request = STANDARD | {
        "participant_metadata": "m" * 4096,
        "participant_attributes": attributes,
    }
    assert len(json.dumps(request)) < 16_384
    async with serve(settings_with()) as client:
        assert (await client.post("/api/token", json=request)).status_code == 201

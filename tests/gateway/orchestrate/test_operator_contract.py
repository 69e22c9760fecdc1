"""What an operator does, and what becomes of it in a session that runs."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx

from testkit.fake_llm import ScriptedAnswer, ScriptedToolCall, last_user_text
from testkit.orchestrators import connected
from tests.gateway.orchestrate.conftest import Deployment, new_session

LIMIT_S = 60.0


def client(url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, timeout=LIMIT_S)


def shop(messages: list[dict[str, Any]]) -> ScriptedAnswer:
    """Refunds once it is asked to, talks on meanwhile, and says when it is done."""
    if any("refunded 5" in str(message.get("content")) for message in messages):
        return ScriptedAnswer(text="Your money is on its way.")
    if "weather" in last_user_text(messages):
        return ScriptedAnswer(text="It is sunny.")
    if messages[-1]["role"] == "tool":
        return ScriptedAnswer(text="I have asked for that to be confirmed.")
    return ScriptedAnswer(calls=[ScriptedToolCall("refund", {"amount": "5"})])


async def test_a_call_waits_for_a_person_and_the_session_goes_on(deployment: Deployment) -> None:
    """Asked in one process, decided in another where there is one."""
    deployment.llm.script = shop
    session = new_session()
    async with (
        connected(deployment.url, session, stream=1, states=1) as talking,
        client(deployment.other_url) as operator,
    ):
        await talking.say("give me my money back")
        pending = await talking.until("approval_pending")
        assert pending["tool"] == "refund"
        assert (await talking.until("response"))["text"]
        await talking.send("tts_complete")
        await talking.until("state", to="IDLE")
        await talking.say("how is the weather?")
        assert (await talking.until("response", turn_number=2))["text"] == "It is sunny."
        await talking.send("tts_complete")
        await talking.until("state", to="IDLE")
        listed = (await operator.get("/approvals/pending")).json()["pending"]
        (waiting,) = [each for each in listed if each["approval_id"] == pending["approval_id"]]
        assert waiting["tool"] == "refund"
        decide = f"/approvals/pending/{waiting['approval_id']}/decide"
        decision = {"approved": True, "approver_id": "ann", "approval_notes": "fine"}
        answers = await asyncio.gather(*(operator.post(decide, json=decision) for _ in range(20)))
        assert sorted(answer.status_code for answer in answers) == [200, *[409] * 19]
        # Nobody says anything: the agent tells it by itself.
        assert (await talking.until("state", to="THINKING"))["reason"] == "news"
        told = await talking.until("response", turn_number=3)
        assert told["text"] == "Your money is on its way."
        stats = (await operator.get("/approvals/stats")).json()
        assert stats["approved"] >= 1


async def answered(
    http: httpx.AsyncClient, wanted: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    """The first such answer to a turn of person 42: another process notices within a second."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            turn = {"user_id": 42, "session_id": new_session(), "message": "hello"}
            answer: dict[str, Any] = (await http.post("/orchestrate", json=turn)).json()
            if wanted(answer):
                return answer
            await asyncio.sleep(0.05)


async def test_an_experiment_changes_what_answers_and_stops(deployment: Deployment) -> None:
    draft = {
        "name": "manner",
        "description": "d",
        "hypothesis": "h",
        "metric": "conversion",
        "user_percentage": 100,
        "variants": [
            {"name": "plain", "type": "control", "traffic_percentage": 0, "config": {}},
            {
                "name": "short",
                "type": "treatment",
                "traffic_percentage": 100,
                "config": {"instructions": "Answer in one word."},
            },
        ],
    }
    async with client(deployment.url) as one, client(deployment.other_url) as other:
        created = await one.post("/experiments", json=draft)
        assert created.status_code in (200, 201), created.text
        experiment = created.json()["experiment_id"]
        assert (await one.post(f"/experiments/{experiment}/start")).status_code == 200
        answer = await answered(other, lambda answer: "experiment" in answer)
        assert answer["experiment"] == {"experiment_id": experiment, "variant_name": "short"}
        variant = (await other.get(f"/experiments/{experiment}/variant/42")).json()
        assert (variant["variant_name"], variant["assigned"]) == ("short", True)
        assert deployment.llm.messages[0]["content"] == "Answer in one word."
        converted = await one.post(
            f"/experiments/{experiment}/track/conversion", json={"user_id": "42", "value": 1}
        )
        assert converted.status_code == 200
        assert (await one.post(f"/experiments/{experiment}/stop")).status_code == 200
        await answered(other, lambda answer: "experiment" not in answer)
        assert deployment.llm.messages[0]["content"] == "You are a shop."
        as_dictionary = {**draft, "variants": {"plain": {}}}
        assert (await one.post("/experiments", json=as_dictionary)).status_code == 422
        assert (await one.get("/experiments/health")).status_code == 200
        assert (await one.get("/experiments/stats/summary")).status_code == 200


async def test_breakers_and_configuration_are_told(deployment: Deployment) -> None:
    async with client(deployment.url) as http:
        told = (await http.get("/circuit-breakers")).json()
        assert told["circuit_breakers"]["model:local"]["state"] == "closed"
        assert told["kept_in"] == ("redis" if deployment.shared else "memory")
        reset = await http.post("/circuit-breakers/model:local/reset")
        assert reset.json()["state"] == "closed"
        assert (await http.post("/circuit-breakers/nobody/reset")).status_code == 404
        config = (await http.get("/config")).json()
        assert config["llm"]["api_key"] == "**********"
        assert (await http.get("/operations")).status_code in (200, 404, 503)  # where it is built

"""What one caller may use, at the gateway: told in words with 429, counted by user or address."""

import json
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect

from gateway.app import create_app
from gateway.calls.budgets import CHARGED_EVERY_S, LEAST_CALL_S, CallBudgets, CallMeter
from gateway.calls.tokens import TOKEN_TTL
from gateway.errors import ApiError
from gateway.identity import LONGEST_USER, Identities
from parley.budgets import Budgets, OwnLedger, Spent
from parley.capacity import Capacity
from parley.errors import ConfigurationError
from parley.room_events import DispatchMetadata
from parley.settings import OrchestratorSettings
from parley.settings.budgets import BudgetsSection
from tests.gateway.conftest import AgentHealthPort, Serve, TurnedClock, agent_at, settings_with
from tests.gateway.test_chats import WITHIN_S, received
from tests.gateway.test_connections import gateway
from tests.gateway.test_tokens import claims_of


def limited(settings: OrchestratorSettings, **limits: int) -> OrchestratorSettings:
    section = BudgetsSection.model_validate(limits)
    return settings.model_copy(update={"budgets": section})


def refusal(answer: httpx.Response) -> str:
    assert answer.status_code == 429, answer.text
    assert answer.json()["error"]["code"] == "budget_spent"
    return str(answer.json()["error"]["message"])


def dispatched(answer: httpx.Response) -> DispatchMetadata:
    """What the agent is told of the call."""
    (agent,) = claims_of(answer.json()["token"])["roomConfig"]["agents"]
    return DispatchMetadata.model_validate_json(agent["metadata"])


async def test_who_has_used_up_their_calls_is_told_when_to_come_back(serve: Serve) -> None:
    clock = TurnedClock()
    async with serve(limited(settings_with(), calls_per_hour=3), clock=clock) as client:
        answers = [await client.post("/api/token") for _ in range(5)]
        assert [answer.status_code for answer in answers] == [201, 201, 201, 429, 429]
        told = refusal(answers[-1])
        assert told == "You have made as many calls as you may for now: try again in 20 minutes."
        assert answers[-1].headers["retry-after"] == "1200"
        clock.now_s += 1200
        assert (await client.post("/api/token")).status_code == 201
        refusal(await client.post("/api/token"))


async def test_who_finds_no_agent_or_asks_for_nonsense_has_not_called(serve: Serve) -> None:
    nobody = Capacity(takes_calls=False, max_sessions=4)
    async with agent_at(AgentHealthPort(nobody)) as agent:
        settings = limited(settings_with(agents=agent.address), calls_per_hour=1)
        clock = TurnedClock()
        async with serve(settings, clock=clock) as client:
            for _ in range(5):
                assert (await client.post("/api/token")).status_code == 503
            agent.capacity = Capacity(takes_calls=True, max_sessions=4)
            clock.now_s += 1
            for _ in range(5):
                assert (await client.post("/api/token", json={"app": "x"})).status_code == 422
            assert (await client.post("/api/token")).status_code == 201
            refusal(await client.post("/api/token"))


async def test_each_user_that_a_trusted_proxy_names_has_a_budget_of_their_own(
    serve: Serve,
) -> None:
    settings = settings_with(trusted_proxies=["127.0.0.1"], user_header="X-Forwarded-User")
    async with serve(limited(settings, calls_per_hour=1)) as client:

        async def status(*users: str, address: str = "192.0.2.1") -> int:
            headers = [("x-forwarded-for", address), *(("x-forwarded-user", u) for u in users)]
            return (await client.post("/api/token", headers=headers)).status_code

        assert [await status("ann"), await status("ann"), await status("bob")] == [201, 429, 201]
        assert await status("ann", address="192.0.2.2") == 429, "wherever they are"
        assert await status() == 201, "who has not signed in is an address"
        assert await status("eve", "mallory") == 429, "two names are none"
        assert await status("x" * (LONGEST_USER + 1)) == 429
        assert await status("") == 429


async def test_a_user_that_a_client_makes_up_counts_for_nothing(serve: Serve) -> None:
    settings = settings_with(trusted_proxies=["10.0.0.1"], user_header="X-Forwarded-User")
    async with serve(limited(settings, calls_per_hour=1)) as client:
        made_up = [
            (await client.post("/api/token", headers={"x-forwarded-user": f"u{n}"})).status_code
            for n in range(3)
        ]
    assert made_up == [201, 429, 429]


def test_a_header_that_nobody_is_believed_in_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"trusted_proxies is empty: nobody is believed"):
        create_app(settings_with(user_header="X-Forwarded-User"))


async def test_choosing_a_voice_is_counted_and_the_default_is_not(
    serve: Serve, worker: str
) -> None:
    settings = limited(settings_with(workers=worker), voice_changes_per_hour=1, calls_per_hour=4)
    async with serve(settings) as client:

        async def asked(voice: str) -> httpx.Response:
            return await client.post("/api/token", json={"voice": voice})

        assert (await asked("amy")).status_code == 201
        assert "chosen as many voices" in refusal(await asked("amy"))
        assert [(await asked("joe")).status_code for _ in range(3)] == [201, 201, 201]
        assert "made as many calls" in refusal(await asked("joe"))


async def test_a_call_is_told_how_long_it_may_last_and_whose_budget_it_is_on(
    serve: Serve,
) -> None:
    settings = limited(settings_with(), call_minutes_per_day=10)
    async with serve(settings, address="192.0.2.1") as client:
        told = [dispatched(await client.post("/api/token")) for _ in range(2)]
    assert [each.longest_s for each in told] == [600, 600]
    assert told[0].budget == told[1].budget != ""
    async with serve(settings_with(), address="192.0.2.1") as client:
        answer = await client.post("/api/token")
    free = dispatched(answer)
    assert free.longest_s is None and free.budget == told[0].budget, "at every gateway the same"
    assert "192.0.2.1" not in json.dumps(claims_of(answer.json()["token"]))


async def test_time_is_charged_while_the_room_is_there() -> None:
    clock = TurnedClock()
    section = BudgetsSection(call_minutes_per_day=10)
    budgets = Budgets(section, OwnLedger(clock=lambda: 0.0))  # nothing comes back meanwhile
    meter = CallMeter(budgets, clock=clock)

    async def left() -> float | None:
        return await budgets.left(Spent.CALL_SECONDS, "ann")

    meter.follow("one", "ann")
    meter.follow("unused", "ann")
    await meter.look({"other"})
    clock.now_s = 5.0  # five seconds until the browser has joined
    await meter.look({"one"})
    clock.now_s = 5.0 + CHARGED_EVERY_S - 1
    await meter.look({"one"})
    assert await left() == 600
    clock.now_s = 5.0 + CHARGED_EVERY_S
    await meter.look({"one", "other"})
    assert await left() == 600 - CHARGED_EVERY_S
    clock.now_s = 27.0
    await meter.look(set())
    assert await left() == 600 - 22
    clock.now_s = 300.0
    await meter.look({"one"})
    assert await left() == 600 - 22, "a room of that name is none of its own any more"
    clock.now_s = TOKEN_TTL.total_seconds() + 1
    await meter.look(set())
    assert meter._followed == {}


async def test_who_has_less_than_a_minute_left_is_told_when_to_come_back() -> None:
    budgets = Budgets(BudgetsSection(call_minutes_per_day=2), OwnLedger(clock=TurnedClock()))
    meter = CallMeter(budgets, clock=TurnedClock())
    calls = CallBudgets(budgets, meter, Identities("s" * 32))
    await calls.spend_call("ann")
    assert await calls.longest_s("ann") == 120
    await budgets.charge(Spent.CALL_SECONDS, "ann", 61)
    with pytest.raises(ApiError) as refused:
        await calls.spend_call("ann")
    assert refused.value.status_code == 429
    assert refused.value.detail == (
        "You have talked for as long as you may for now: try again in 12 minutes."
    )
    assert LEAST_CALL_S == 60
    await calls.spend_call("bob")


async def test_messages_of_all_chats_of_a_client_are_counted_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARLEY_STATE_DIR", str(tmp_path))
    async with gateway(settings=limited(settings_with(), messages_per_hour=3)) as served:
        codes = []
        for number in range(4):
            address = f"ws://127.0.0.1:{served.port}/ws/chat?user_id=ann-{number}"
            async with connect(address, open_timeout=WITHIN_S) as chat:
                await received(chat)
                await chat.send(json.dumps({"type": "message", "message": "Hello."}))
                frame = await received(chat)
                while frame["type"] == "progress":
                    frame = await received(chat)
                codes.append(frame["data"]["code"])
                told = frame["data"]["message"]
    # There is no model here: what is let through is told so.
    assert all(code.startswith("model_") for code in codes[:3])
    assert codes[3] == "budget_spent"
    assert told == "You have sent as many messages as you may: try again in 20 minutes."

"""/approvals, as clients use it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from dialogue.approvals.sql import SqlApprovals
from gateway.approvals.routes import approval_routes
from gateway.errors import install_error_handlers

WISH: dict[str, Any] = {
    "orchestration_id": "s1",
    "approval_type": "refund",
    "proposed_action": "Pay 240 EUR back",
    "risk_level": "high",
    "requester_id": "agent",
    "context": {"state_summary": "The parcel was lost", "risk_score": 0.8, "order": "42"},
    "expires_in_seconds": 60,
}
YES = {"approved": True, "approver_id": "ann", "approval_notes": "checked"}


class TurnedTime:
    now_s = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def now() -> TurnedTime:
    return TurnedTime()


@pytest.fixture
async def client(tmp_path: Path, now: TurnedTime) -> AsyncIterator[httpx.AsyncClient]:
    approvals = SqlApprovals(tmp_path / "operations.db", now=now, timeout_s=30.0)
    app = FastAPI()
    install_error_handlers(app)
    app.include_router(approval_routes(approvals))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        yield client
    await approvals.aclose()


async def asked(client: httpx.AsyncClient, **changed: Any) -> dict[str, Any]:
    answer = await client.post("/approvals/request", json={**WISH, **changed})
    assert answer.is_success
    return dict(answer.json())


async def test_it_waits_is_decided_and_is_known_to_be(
    client: httpx.AsyncClient, now: TurnedTime
) -> None:
    made = await asked(client)
    assert (made["status"], made["context"]["order"]) == ("pending", "42")
    assert made["expires_at"] - made["asked_at"] == 60
    (waiting,) = (await client.get("/approvals/pending")).json()["pending"]
    assert waiting == made
    now.now_s += 5
    address = f"/approvals/pending/{made['approval_id']}"
    decided = (await client.post(f"{address}/decide", json=YES)).json()
    assert (decided["status"], decided["approver_id"], decided["approval_notes"]) == (
        "approved", "ann", "checked",
    )  # fmt: skip
    assert (await client.get(address)).json() == decided
    assert (await client.get("/approvals/pending")).json() == {"pending": []}
    stats = (await client.get("/approvals/stats")).json()
    assert stats == {
        "pending": 0, "approved": 1, "rejected": 0, "expired": 0, "total": 1,
        "median_seconds_to_decide": 5.0,
    }  # fmt: skip


async def test_of_twenty_at_once_one_wins_and_the_others_are_told(
    client: httpx.AsyncClient,
) -> None:
    made = await asked(client)
    address = f"/approvals/pending/{made['approval_id']}/decide"
    answers = await asyncio.gather(
        *(
            client.post(address, json={"approved": n % 2 == 0, "approver_id": f"a{n}"})
            for n in range(20)
        )
    )
    assert Counter(each.status_code for each in answers) == {200: 1, 409: 19}
    refused = next(each for each in answers if each.status_code == 409)
    assert refused.json()["error"]["code"] == "decided_already"


async def test_after_its_time_nobody_decides(client: httpx.AsyncClient, now: TurnedTime) -> None:
    made = await asked(client)
    now.now_s += 61
    address = f"/approvals/pending/{made['approval_id']}"
    assert (await client.post(f"{address}/decide", json=YES)).status_code == 409
    assert (await client.get(address)).json()["status"] == "expired"
    assert (await client.get("/approvals/stats")).json()["expired"] == 1


@pytest.mark.parametrize(
    "changed",
    [{"risk_level": "huge"}, {"expires_in_seconds": 0}, {"proposed_action": ""}, {"context": 3},
     {"orchestration_id": ""}, {"unknown": 1}, {"context": {"risk_score": 2}}],
)  # fmt: skip
async def test_a_wish_that_makes_no_sense_is_refused(
    client: httpx.AsyncClient, changed: dict[str, Any]
) -> None:
    answer = await client.post("/approvals/request", json={**WISH, **changed})
    assert answer.status_code == 422


async def test_an_unknown_one_is_not_found(client: httpx.AsyncClient) -> None:
    assert (await client.post("/approvals/pending/none/decide", json=YES)).status_code == 404
    assert (await client.get("/approvals/pending/none")).status_code == 404

"""A tool call that waits for approval: a client of the room is asked, and decides."""

import asyncio
import json
from types import SimpleNamespace
from typing import cast

import pytest
from livekit import rtc

from agent.room.approvals import NOT_UNDERSTOOD, NOT_YOURS, NOTHING_WAITS, RoomApprovals
from dialogue.approvals import InProcessApprovals


def asked(payload: str, *, by: str = "ada") -> rtc.RpcInvocationData:
    call = SimpleNamespace(payload=payload, caller_identity=by)
    return cast(rtc.RpcInvocationData, call)


def decided_by_ada(approvals: InProcessApprovals) -> RoomApprovals:
    return RoomApprovals(approvals, talks_with=lambda identity: identity == "ada")


@pytest.mark.parametrize("approved", [True, False])
async def test_the_client_decides_once(approved: bool) -> None:
    approvals = InProcessApprovals()
    room = decided_by_ada(approvals)
    approval_id = await approvals.request("s1", "refund", {"order": "42"})
    waiting = asyncio.create_task(approvals.wait(approval_id))
    decision = json.dumps({"approval_id": approval_id, "approved": approved, "why": "so"})
    assert await room._on_rpc(asked(decision)) == "ok"
    decided = await waiting
    assert (decided.approved, decided.by, decided.why) == (approved, "ada", "so")
    with pytest.raises(rtc.RpcError) as error:
        await room._on_rpc(asked(decision))
    assert error.value.code == NOTHING_WAITS


@pytest.mark.parametrize("payload", ["", "yes", "{}", '{"approval_id": 3}', '{"approved": true}'])
async def test_what_is_no_decision_is_refused_with_what_is_wanted(payload: str) -> None:
    with pytest.raises(rtc.RpcError) as error:
        await decided_by_ada(InProcessApprovals())._on_rpc(asked(payload))
    assert error.value.code == NOT_UNDERSTOOD
    assert "approval_id" in error.value.message


@pytest.mark.parametrize("who", ["bob", "", "ada-2"])
async def test_nobody_else_in_the_room_decides(who: str) -> None:
    approvals = InProcessApprovals()
    approval_id = await approvals.request("s1", "refund", {"order": "42"})
    decision = json.dumps({"approval_id": approval_id, "approved": True})
    with pytest.raises(rtc.RpcError) as error:
        await decided_by_ada(approvals)._on_rpc(asked(decision, by=who))
    assert error.value.code == NOT_YOURS
    assert [pending.id for pending in approvals.pending] == [approval_id]

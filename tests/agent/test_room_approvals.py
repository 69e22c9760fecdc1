"""A tool call that waits for approval: a client of the room is asked, and decides."""

import json
from types import SimpleNamespace
from typing import cast

import pytest
from livekit import rtc

from agent.room.approvals import NOT_UNDERSTOOD, NOT_YOURS, NOTHING_WAITS, RoomApprovals
from dialogue.approvals.approval import ApprovalRequest
from dialogue.approvals.memory import MemoryApprovals


def asked(payload: str, *, by: str = "ada") -> rtc.RpcInvocationData:
    call = SimpleNamespace(payload=payload, caller_identity=by)
    return cast(rtc.RpcInvocationData, call)


def decided_by_ada(approvals: MemoryApprovals) -> RoomApprovals:
    return RoomApprovals(approvals, "s1", talks_with=lambda identity: identity == "ada")


async def waiting(approvals: MemoryApprovals, session_id: str = "s1") -> str:
    request = ApprovalRequest(orchestration_id=session_id, proposed_action="refund(order='42')")
    return (await approvals.request(request)).id


@pytest.mark.parametrize("approved", [True, False])
async def test_the_client_decides_once(approved: bool) -> None:
    approvals = MemoryApprovals()
    room = decided_by_ada(approvals)
    approval_id = await waiting(approvals)
    decision = json.dumps({"approval_id": approval_id, "approved": approved, "why": "so"})
    assert await room._on_rpc(asked(decision)) == "ok"
    (decided,) = await approvals.decided_of([approval_id])
    assert decided.status == ("approved" if approved else "rejected")
    assert (decided.approver_id, decided.approval_notes) == ("ada", "so")
    with pytest.raises(rtc.RpcError) as error:
        await room._on_rpc(asked(decision))
    assert error.value.code == NOTHING_WAITS


@pytest.mark.parametrize("payload", ["", "yes", "{}", '{"approval_id": 3}', '{"approved": true}'])
async def test_what_is_no_decision_is_refused_with_what_is_wanted(payload: str) -> None:
    with pytest.raises(rtc.RpcError) as error:
        await decided_by_ada(MemoryApprovals())._on_rpc(asked(payload))
    assert error.value.code == NOT_UNDERSTOOD
    assert "approval_id" in error.value.message


@pytest.mark.parametrize("who", ["bob", "", "ada-2"])
async def test_nobody_else_in_the_room_decides(who: str) -> None:
    approvals = MemoryApprovals()
    decision = json.dumps({"approval_id": await waiting(approvals), "approved": True})
    with pytest.raises(rtc.RpcError) as error:
        await decided_by_ada(approvals)._on_rpc(asked(decision, by=who))
    assert error.value.code == NOT_YOURS
    assert len(await approvals.pending()) == 1


async def test_nobody_decides_about_another_conversation() -> None:
    approvals = MemoryApprovals()
    decision = json.dumps({"approval_id": await waiting(approvals, "s2"), "approved": True})
    with pytest.raises(rtc.RpcError) as error:
        await decided_by_ada(approvals)._on_rpc(asked(decision))
    assert error.value.code == NOTHING_WAITS
    assert len(await approvals.pending()) == 1

"""/approvals: what waits for a person's decision, and the decision."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict

from dialogue.approvals.approval import (
    Approval,
    ApprovalContext,
    ApprovalDecidedError,
    ApprovalDecision,
    ApprovalError,
    ApprovalNotFoundError,
    ApprovalRequest,
    ApprovalStats,
    ApprovalStatus,
    RiskLevel,
)
from dialogue.approvals.store import ApprovalStore
from gateway.errors import ApiError

RETRY_AFTER_S = 5
_EXAMPLE: dict[str, Any] = {
    "orchestration_id": "session-42",
    "approval_type": "refund",
    "proposed_action": "Pay 240 EUR back to the customer",
    "risk_level": "high",
    "requester_id": "agent",
    "context": {"state_summary": "The parcel was lost", "risk_score": 0.8},
    "expires_in_seconds": 900,
}


class ApprovalWish(ApprovalRequest):
    """Asks for a decision of somebody else."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})


class DecisionWish(ApprovalDecision):
    """What who decides says."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"approved": True, "approver_id": "ann", "approval_notes": "checked"}]
        }
    )


class ApprovalReply(BaseModel):
    """Times are seconds since 1970. `tool`: what is called once it is approved; empty: somebody
    outside has asked."""

    approval_id: str
    status: ApprovalStatus
    orchestration_id: str
    approval_type: str
    proposed_action: str
    risk_level: RiskLevel
    requester_id: str
    context: ApprovalContext
    tool: str
    asked_at: float
    expires_at: float
    decided_at: float | None
    approver_id: str
    approval_notes: str


class PendingList(BaseModel):
    pending: list[ApprovalReply]


def approval_routes(approvals: ApprovalStore) -> APIRouter:
    """Whoever mounts it guards it."""
    router = APIRouter(prefix="/approvals", tags=["approvals"])

    @router.post("/request")
    async def request(wish: ApprovalWish) -> ApprovalReply:
        """It is pending until somebody decides, or its time is over."""
        async with _answering():
            return _reply(await approvals.request(ApprovalRequest(**dict(wish))))

    @router.get("/pending")
    async def pending(limit: Annotated[int, Query(ge=1, le=500)] = 100) -> PendingList:
        """Those that wait, oldest first."""
        async with _answering():
            return PendingList(
                pending=[_reply(each) for each in await approvals.pending(limit=limit)]
            )

    @router.get("/pending/{approval_id}")
    async def one(approval_id: str) -> ApprovalReply:
        """What has become of it."""
        async with _answering():
            if (approval := await approvals.load(approval_id)) is None:
                raise ApprovalNotFoundError(f"there is no approval {approval_id!r}")
            return _reply(approval)

    @router.post("/pending/{approval_id}/decide")
    async def decide(approval_id: str, decision: DecisionWish) -> ApprovalReply:
        """Of any number of decisions one counts; the others get 409, as do those that come after
        its time."""
        async with _answering():
            return _reply(await approvals.decide(approval_id, ApprovalDecision(**dict(decision))))

    @router.get("/stats")
    async def stats() -> ApprovalStats:
        """Counts, and the median time until somebody decided."""
        async with _answering():
            return await approvals.stats()

    return router


def _reply(approval: Approval) -> ApprovalReply:
    asked = approval.request.model_dump(exclude={"expires_in_seconds", "context"})
    return ApprovalReply(
        approval_id=approval.id,
        status=approval.status,
        **asked,
        context=approval.request.context,
        tool=approval.call.tool if approval.call is not None else "",
        asked_at=approval.asked_at_s,
        expires_at=approval.expires_at_s,
        decided_at=approval.decided_at_s,
        approver_id=approval.approver_id,
        approval_notes=approval.approval_notes,
    )


@asynccontextmanager
async def _answering() -> AsyncIterator[None]:
    try:
        yield
    except ApprovalNotFoundError as error:
        raise ApiError(HTTPStatus.NOT_FOUND, "unknown_approval", str(error)) from None
    except ApprovalDecidedError as error:
        raise ApiError(HTTPStatus.CONFLICT, "decided_already", str(error)) from None
    except ApprovalError as error:
        raise ApiError(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "approvals_unavailable",
            str(error),
            retry_after_s=RETRY_AFTER_S,
        ) from None

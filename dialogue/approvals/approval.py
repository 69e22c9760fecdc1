"""What is asked of who approves, what they answer, and what has become of it."""

from collections.abc import Mapping
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from parley.errors import ParleyError

DEFAULT_EXPIRES_S = 900.0
LONGEST_S = 604_800.0
"""A week."""


class ApprovalError(ParleyError):
    """A store that cannot be reached, or does not answer in time."""


class ApprovalNotFoundError(ApprovalError):
    """No approval of that id was asked for."""


class ApprovalDecidedError(ApprovalError):
    """Somebody else has decided it, or its time is over."""


class ApprovalStatus(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"


class RiskLevel(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class ApprovalContext(BaseModel):
    """What who decides should know; what else a client sends is kept."""

    model_config = ConfigDict(frozen=True, extra="allow")

    state_summary: str = Field("", max_length=4000)
    risk_score: float | None = Field(None, ge=0.0, le=1.0)


class ApprovalRequest(BaseModel):
    """Asks for a decision."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    orchestration_id: str = Field(
        min_length=1, max_length=200, description="the session that waits for it"
    )
    approval_type: str = Field("action", min_length=1, max_length=100)
    proposed_action: str = Field(min_length=1, max_length=4000)
    risk_level: RiskLevel = RiskLevel.MEDIUM
    requester_id: str = Field("", max_length=200)
    context: ApprovalContext = ApprovalContext()
    expires_in_seconds: float = Field(DEFAULT_EXPIRES_S, gt=0.0, le=LONGEST_S)


class HeldCall(BaseModel):
    """The tool call that waits for it; without one, somebody outside asked."""

    model_config = ConfigDict(frozen=True)

    turn_id: str
    call_id: str
    tool: str
    arguments: Mapping[str, JsonValue]


class ApprovalDecision(BaseModel):
    """What an approver answers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    approved: bool
    approver_id: str = Field(min_length=1, max_length=200)
    approval_notes: str = Field("", max_length=4000)


class Approval(BaseModel):
    """One that was asked for. All times are seconds since 1970."""

    model_config = ConfigDict(frozen=True)

    id: str
    request: ApprovalRequest
    call: HeldCall | None = None
    status: ApprovalStatus = ApprovalStatus.PENDING
    asked_at_s: float
    expires_at_s: float
    decided_at_s: float | None = None
    approver_id: str = ""
    approval_notes: str = ""


class CallEnd(BaseModel):
    """How the call that waited has ended; `outcome` and `result` as in ToolFinished."""

    model_config = ConfigDict(frozen=True)

    outcome: str
    result: str


class FollowedCall(BaseModel):
    """A held call of a session of which the person has not been told the end."""

    model_config = ConfigDict(frozen=True)

    approval: Approval
    claimed: bool = False
    """Some process has begun to act on it."""
    end: CallEnd | None = None


class ApprovalStats(BaseModel):
    """Of all that is kept."""

    model_config = ConfigDict(frozen=True)

    pending: int = 0
    approved: int = 0
    rejected: int = 0
    expired: int = 0
    total: int = 0
    median_seconds_to_decide: float | None = None

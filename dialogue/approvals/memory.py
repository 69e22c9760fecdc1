"""Approvals in memory: as long as the process, and in it alone."""

import hashlib
import statistics
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dialogue.approvals.approval import (
    Approval,
    ApprovalDecidedError,
    ApprovalDecision,
    ApprovalNotFoundError,
    ApprovalRequest,
    ApprovalStats,
    ApprovalStatus,
    CallEnd,
    FollowedCall,
    HeldCall,
)


@dataclass
class _Kept:
    approval: Approval
    claimed: bool = False
    end: CallEnd | None = None
    told: bool = False


class MemoryApprovals:
    """`now` gives seconds since 1970."""

    def __init__(self, *, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._kept: dict[str, _Kept] = {}

    async def request(self, request: ApprovalRequest, call: HeldCall | None = None) -> Approval:
        approval = asked(request, call, self._now())
        return self._kept.setdefault(approval.id, _Kept(approval)).approval

    async def load(self, approval_id: str) -> Approval | None:
        self._expire()
        kept = self._kept.get(approval_id)
        return kept.approval if kept is not None else None

    async def pending(self, *, limit: int = 100) -> Sequence[Approval]:
        return [each for each in self._approvals() if each.status is ApprovalStatus.PENDING][:limit]

    async def decide(self, approval_id: str, decision: ApprovalDecision) -> Approval:
        self._expire()
        if (kept := self._kept.get(approval_id)) is None:
            raise not_found(approval_id)
        if kept.approval.status is not ApprovalStatus.PENDING:
            raise decided_already(kept.approval)
        kept.approval = kept.approval.model_copy(
            update={
                "status": status_of(decision),
                "decided_at_s": self._now(),
                "approver_id": decision.approver_id,
                "approval_notes": decision.approval_notes,
            }
        )
        return kept.approval

    async def stats(self) -> ApprovalStats:
        return stats_of(
            [each.status for each in self._approvals()],
            [
                each.decided_at_s - each.asked_at_s
                for each in self._approvals()
                if each.decided_at_s is not None and each.approver_id
            ],
        )

    async def decided_of(self, ids: Sequence[str]) -> Sequence[Approval]:
        return [
            each
            for each in self._approvals()
            if each.id in ids and each.status is not ApprovalStatus.PENDING
        ]

    async def followed(self, session_id: str) -> Sequence[FollowedCall]:
        self._expire()
        return [
            FollowedCall(approval=kept.approval, claimed=kept.claimed, end=kept.end)
            for kept in self._kept.values()
            if kept.approval.request.orchestration_id == session_id
            and kept.approval.call is not None
            and not kept.told
        ]

    async def claim(self, approval_id: str) -> bool:
        kept = self._kept[approval_id]
        if kept.claimed or kept.approval.status is not ApprovalStatus.APPROVED:
            return False
        kept.claimed = True
        return True

    async def ended(self, approval_id: str, end: CallEnd) -> None:
        self._kept[approval_id].end = end

    async def told(self, approval_id: str) -> None:
        self._kept[approval_id].told = True

    async def purge(self, *, ended_before_s: float) -> int:
        old = [
            each.id
            for each in self._approvals()
            if each.status is not ApprovalStatus.PENDING
            and (each.decided_at_s or each.expires_at_s) < ended_before_s
        ]
        for approval_id in old:
            del self._kept[approval_id]
        return len(old)

    async def aclose(self) -> None:
        """Nothing to close."""

    def _approvals(self) -> list[Approval]:
        self._expire()
        return [kept.approval for kept in self._kept.values()]

    def _expire(self) -> None:
        now_s = self._now()
        for kept in self._kept.values():
            waits = kept.approval.status is ApprovalStatus.PENDING
            if waits and kept.approval.expires_at_s <= now_s:
                kept.approval = kept.approval.model_copy(update={"status": ApprovalStatus.EXPIRED})


class DecidedAtOnce(MemoryApprovals):
    """Where every call is decided alike, as it is asked for."""

    def __init__(self, decision: ApprovalDecision) -> None:
        super().__init__()
        self._decision = decision

    async def request(self, request: ApprovalRequest, call: HeldCall | None = None) -> Approval:
        approval = await super().request(request, call)
        if approval.status is not ApprovalStatus.PENDING:
            return approval
        return await self.decide(approval.id, self._decision)


def asked(request: ApprovalRequest, call: HeldCall | None, now_s: float) -> Approval:
    """A new approval. The id of a held call's is always the same: whoever makes the same call
    again, after a crash, asks for nothing new."""
    if call is None:
        approval_id = uuid.uuid4().hex
    else:
        which = f"{request.orchestration_id}\n{call.turn_id}\n{call.call_id}"
        approval_id = hashlib.sha256(which.encode()).hexdigest()[:32]
    return Approval(
        id=approval_id,
        request=request,
        call=call,
        asked_at_s=now_s,
        expires_at_s=now_s + request.expires_in_seconds,
    )


def status_of(decision: ApprovalDecision) -> ApprovalStatus:
    return ApprovalStatus.APPROVED if decision.approved else ApprovalStatus.REJECTED


def not_found(approval_id: str) -> ApprovalNotFoundError:
    return ApprovalNotFoundError(f"there is no approval {approval_id!r}")


def decided_already(approval: Approval) -> ApprovalDecidedError:
    who = f" by {approval.approver_id}" if approval.approver_id else ""
    return ApprovalDecidedError(f"approval {approval.id} is {approval.status}{who}")


def stats_of(
    statuses: Sequence[ApprovalStatus], decided_within_s: Sequence[float]
) -> ApprovalStats:
    return ApprovalStats(
        **{str(status): statuses.count(status) for status in ApprovalStatus},
        total=len(statuses),
        median_seconds_to_decide=statistics.median(decided_within_s) if decided_within_s else None,
    )

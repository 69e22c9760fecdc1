"""What a store of approvals promises; tests/dialogue/approvals holds every store to it."""

from collections.abc import Sequence
from typing import Protocol

from dialogue.approvals.approval import (
    Approval,
    ApprovalDecision,
    ApprovalRequest,
    ApprovalStats,
    CallEnd,
    FollowedCall,
    HeldCall,
)


class ApprovalStore(Protocol):
    """Keeps approvals and how they were decided. Every call raises ApprovalError where the store
    fails. What has expired is never shown as pending, and cannot be decided."""

    async def request(self, request: ApprovalRequest, call: HeldCall | None = None) -> Approval:
        """Asks for a decision; `call` is what will be run. The same call asks once: again it is
        told what has become of it."""
        ...

    async def load(self, approval_id: str) -> Approval | None: ...

    async def pending(self, *, limit: int = 100) -> Sequence[Approval]:
        """Those that wait, oldest first."""
        ...

    async def decide(self, approval_id: str, decision: ApprovalDecision) -> Approval:
        """Decides, once: of any number at the same time one succeeds.

        Raises ApprovalNotFoundError; ApprovalDecidedError where it is decided or has expired.
        """
        ...

    async def stats(self) -> ApprovalStats: ...

    async def decided_of(self, ids: Sequence[str]) -> Sequence[Approval]:
        """Of these, those that wait no longer; what is expired here cannot be approved any more."""
        ...

    async def followed(self, session_id: str) -> Sequence[FollowedCall]:
        """The held calls of a session of which the person has not been told, oldest first."""
        ...

    async def claim(self, approval_id: str) -> bool:
        """Whether the caller is the one who acts on what was approved: one ever is."""
        ...

    async def ended(self, approval_id: str, end: CallEnd) -> None:
        """How the call has ended that was claimed."""
        ...

    async def told(self, approval_id: str) -> None:
        """The person knows how it has ended."""
        ...

    async def purge(self, *, ended_before_s: float) -> int:
        """Forgets those that were decided or expired before then (seconds since 1970); how many
        that were. One that waits stays."""
        ...

    async def aclose(self) -> None: ...

"""Somebody who decides whether a tool call may run."""

import asyncio
import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from pydantic import JsonValue

from parley.app.events import ApprovalPending
from parley.errors import ParleyError

APPROVAL_DEADLINE_S = 120.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Verdict:
    """`by` and `why` are for the record, and for the model where it was refused."""

    approved: bool
    by: str = ""
    why: str = ""


class Approvals(Protocol):
    """Keeps the calls that wait for a decision."""

    async def request(self, session_id: str, tool: str, arguments: Mapping[str, JsonValue]) -> str:
        """Asks for a decision; returns its id."""
        ...

    async def wait(self, approval_id: str) -> Verdict:
        """Returns once it is decided. Cancelling it withdraws the request."""
        ...


class ApprovableTool(Protocol):
    """Of a tool, what decides whether somebody is asked."""

    @property
    def name(self) -> str: ...

    @property
    def needs_approval(self) -> bool: ...


async def decided(
    approvals: Approvals | None,
    tool: ApprovableTool,
    arguments: Mapping[str, JsonValue],
    *,
    session_id: str,
    on_pending: Callable[[ApprovalPending], None],
) -> Verdict:
    """Whether the tool may run now; waits for who decides, up to a deadline."""
    if not tool.needs_approval:
        return Verdict(approved=True)
    if approvals is None:
        _log.warning("tool %s needs approval, and nobody can give it", tool.name)
        return Verdict(approved=False, why="nobody can approve it here")
    try:
        approval_id = await approvals.request(session_id, tool.name, arguments)
    except ParleyError as error:
        _log.warning("tool %s needs approval, which cannot be asked for: %s", tool.name, error)
        return Verdict(approved=False, why="approval cannot be asked for now")
    on_pending(ApprovalPending(approval_id, tool.name, arguments))
    try:
        async with asyncio.timeout(APPROVAL_DEADLINE_S):
            return await approvals.wait(approval_id)
    except TimeoutError:
        return Verdict(approved=False, why="nobody decided in time")


@dataclass(frozen=True)
class PendingApproval:
    id: str
    session_id: str
    tool: str
    arguments: Mapping[str, JsonValue]


class InProcessApprovals:
    """Approvals that are asked for and decided in this process."""

    def __init__(self) -> None:
        self._pending: dict[str, tuple[PendingApproval, asyncio.Future[Verdict]]] = {}

    @property
    def pending(self) -> list[PendingApproval]:
        """Those that nobody has decided yet, oldest first."""
        return [pending for pending, decision in self._pending.values() if not decision.done()]

    async def request(self, session_id: str, tool: str, arguments: Mapping[str, JsonValue]) -> str:
        approval_id = uuid.uuid4().hex
        decision: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        self._pending[approval_id] = (
            PendingApproval(approval_id, session_id, tool, dict(arguments)),
            decision,
        )
        return approval_id

    async def wait(self, approval_id: str) -> Verdict:
        _, decision = self._pending[approval_id]
        try:
            return await decision
        finally:
            self._pending.pop(approval_id, None)

    def decide(self, approval_id: str, *, approved: bool, by: str, why: str = "") -> bool:
        """Decides; False where nothing waits under the id: decided already, or withdrawn."""
        waiting = self._pending.get(approval_id)
        if waiting is None or waiting[1].done():
            return False
        waiting[1].set_result(Verdict(approved, by, why))
        return True

"""Whether a tool may run within the answer that calls it."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from pydantic import JsonValue

from dialogue.approvals.approval import ApprovalError, ApprovalStatus, CallEnd, HeldCall
from dialogue.approvals.held_calls import HeldCalls
from dialogue.feed import Feed
from parley.app.engine import Turn
from parley.app.events import ApprovalPending

WAITS = (
    "Not done yet: it has to be confirmed by somebody else, who has been asked, and the person has "
    "been told so. Do not call it again for the same thing. You will be told how it ends."
)

_log = logging.getLogger(__name__)


class ApprovableTool(Protocol):
    """Of a tool, what decides whether somebody is asked."""

    @property
    def name(self) -> str: ...

    @property
    def needs_approval(self) -> bool: ...


@dataclass(frozen=True)
class Permission:
    """Whether a call runs; else `outcome` and `result` are those of the call."""

    runs: bool
    outcome: str = ""
    result: str = ""
    approval_id: str = ""


_WAITING = Permission(False, "pending", WAITS)


def _refused(why: str) -> Permission:
    return Permission(False, "refused", f"Refused: {why}.")


async def ask_approval(
    held: HeldCalls | None,
    tool: ApprovableTool,
    arguments: Mapping[str, JsonValue],
    call_id: str,
    turn: Turn,
    feed: Feed,
) -> Permission:
    """Asks where the tool needs it; the call is then held beyond the answer, unless somebody
    decides at once. `feed` is told that it waits."""
    if not tool.needs_approval:
        return Permission(True)
    if held is None:
        _log.warning("tool %s needs approval, and nobody can give it", tool.name)
        return _refused("nobody can approve it here")
    if held.is_held(tool.name, arguments):
        return _WAITING
    call = HeldCall(turn_id=turn.id, call_id=call_id, tool=tool.name, arguments=arguments)
    try:
        return await _asked(held, call, feed, about=turn.text)
    except ApprovalError as error:
        _log.warning("tool %s needs approval, which cannot be asked for: %s", tool.name, error)
        return _refused("approval cannot be asked for now")


async def _asked(held: HeldCalls, call: HeldCall, feed: Feed, *, about: str) -> Permission:
    approval = await held.ask(call, about=about)
    if approval.status is ApprovalStatus.PENDING:
        feed.put(ApprovalPending(approval.id, call.tool, call.arguments))
        return _WAITING
    if approval.status is ApprovalStatus.APPROVED:
        if await held.claim(approval.id):
            return Permission(True, approval_id=approval.id)
        return _WAITING  # it has been run after a crash, and is news by itself
    refused = _refused(approval.approval_notes or "no reason given")
    await held.settle(approval.id, CallEnd(outcome=refused.outcome, result=refused.result))
    return refused


async def close_approval(
    held: HeldCalls | None, permission: Permission, outcome: str, result: str
) -> None:
    """What was permitted at once has ended."""
    if held is not None and permission.approval_id:
        await held.settle(permission.approval_id, CallEnd(outcome=outcome, result=result))

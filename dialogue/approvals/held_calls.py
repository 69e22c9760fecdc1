"""The tool calls of a session that are held until somebody has decided about them.

The answer that makes such a call ends without it, and the conversation goes on. What was approved
is run once, by whoever holds the session then; what came of a call is news until the person has
heard it, also where this process dies meanwhile: the store has all of it.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from dialogue.approvals.approval import (
    Approval,
    ApprovalContext,
    ApprovalError,
    ApprovalRequest,
    ApprovalStatus,
    CallEnd,
    FollowedCall,
    HeldCall,
    RiskLevel,
)
from dialogue.approvals.store import ApprovalStore
from dialogue.unfinished import CUT_OFF
from parley.app.events import ToolFinished

LOOK_EVERY_S = 0.5
"""How often a decision is looked for: an approver may have told it to another process."""
_MOST_SUMMARY_CHARS = 2000

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LateEnd:
    """How a call ended, and what else it wants."""

    end: CallEnd
    hangs_up: bool = False
    next_agent: str | None = None


@dataclass(frozen=True)
class News:
    """What became of a held call, which the person does not know yet."""

    approval_id: str
    note: str
    """For the model."""
    hangs_up: bool = False
    next_agent: str | None = None


class HeldCalls:
    """Of one session, in the process that holds it."""

    def __init__(
        self,
        approvals: ApprovalStore,
        session_id: str,
        *,
        user: str,
        expires_s: float,
        run: Callable[[HeldCall], Awaitable[LateEnd]],
        record: Callable[[str, ToolFinished], None],
        look_every_s: float | None = None,
    ) -> None:
        """`run` calls the tool and raises nothing but CancelledError; `record` is told with its
        turn's id how a call has ended."""
        self._approvals = approvals
        self._session_id = session_id
        self._user = user
        self._expires_s = expires_s
        self._run = run
        self._record = record
        self._look_every_s = LOOK_EVERY_S if look_every_s is None else look_every_s
        self.on_news: Callable[[], None] = lambda: None
        """Called when there is something that the person is to be told."""
        self._held: dict[str, HeldCall] = {}
        self._news: dict[str, News] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._asking: set[asyncio.Task[Approval]] = set()
        self._looking: asyncio.Task[None] | None = None

    @property
    def news(self) -> Sequence[News]:
        """What the person is to be told, oldest first."""
        return list(self._news.values())

    def is_held(self, tool: str, arguments: Mapping[str, JsonValue]) -> bool:
        """Whether the same call waits already."""
        return any(
            call.tool == tool and dict(call.arguments) == dict(arguments)
            for call in self._held.values()
        )

    async def ask(self, call: HeldCall, *, about: str) -> Approval:
        """Asks for a decision and holds the call until it comes, unless it is there at once; then
        the caller acts on it. Who is cancelled meanwhile has asked all the same. `about`: what the
        person has said. Raises ApprovalError."""
        asking = asyncio.create_task(self._ask(call, about), name="ask for approval")
        self._asking.add(asking)
        asking.add_done_callback(self._asked)
        return await asyncio.shield(asking)

    async def _ask(self, call: HeldCall, about: str) -> Approval:
        request = ApprovalRequest(
            orchestration_id=self._session_id,
            approval_type="tool_call",
            proposed_action=_action(call),
            risk_level=RiskLevel.MEDIUM,
            requester_id=self._user,
            context=ApprovalContext(state_summary=about[:_MOST_SUMMARY_CHARS]),
            expires_in_seconds=self._expires_s,
        )
        approval = await self._approvals.request(request, call)
        if approval.status is ApprovalStatus.PENDING:
            self._hold(approval.id, call)
        return approval

    def _asked(self, asking: asyncio.Task[Approval]) -> None:
        self._asking.discard(asking)
        if not asking.cancelled() and (error := asking.exception()) is not None:
            _log.debug("session %s: not asked for: %s", self._session_id, error)

    async def claim(self, approval_id: str) -> bool:
        """Whether the caller is the one who acts on what was approved. Raises ApprovalError."""
        return await self._approvals.claim(approval_id)

    async def settle(self, approval_id: str, end: CallEnd) -> None:
        """The call has ended within the answer that made it. Never raises."""
        await self._write(self._approvals.ended(approval_id, end))
        await self._write(self._approvals.told(approval_id))

    def resume(self) -> None:
        """Goes on with the calls that another process held; returns at once."""
        self._begin(self._resumed())

    def told(self, approval_ids: Sequence[str]) -> None:
        """The person has heard what became of these."""
        for approval_id in approval_ids:
            if self._news.pop(approval_id, None) is not None:
                self._begin(self._write(self._approvals.told(approval_id)))

    async def aclose(self, *, deadline_s: float) -> None:
        """Waits for what runs, up to a deadline; what is held stays in the store."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        tasks = (*self._tasks, *self._asking)
        if tasks:
            await asyncio.wait(tasks, timeout=deadline_s)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- following them

    def _hold(self, approval_id: str, call: HeldCall) -> None:
        self._held[approval_id] = call
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(), name="look for decisions")

    async def _look(self) -> None:
        while self._held:
            await asyncio.sleep(self._look_every_s)
            try:
                decided = await self._approvals.decided_of(list(self._held))
            except ApprovalError as error:
                _log.warning("session %s: decisions are not seen: %s", self._session_id, error)
                continue
            for approval in decided:
                call = self._held.pop(approval.id)
                self._begin(self._decided(approval, call))

    async def _decided(self, approval: Approval, call: HeldCall) -> None:
        if approval.status is not ApprovalStatus.APPROVED:
            self._tell(approval, call, LateEnd(_refusal(approval)), took_s=0.0)
            return
        try:
            is_ours = await self._approvals.claim(approval.id)
        except ApprovalError as error:
            _log.warning("session %s: cannot act yet: %s", self._session_id, error)
            self._hold(approval.id, call)
            return
        if not is_ours:
            _log.info("session %s: %s is run elsewhere", self._session_id, call.tool)
            return
        began_s = time.monotonic()
        late = await self._run(call)
        await self._write(self._approvals.ended(approval.id, late.end))
        self._tell(approval, call, late, took_s=time.monotonic() - began_s)

    async def _resumed(self) -> None:
        try:
            followed = await self._approvals.followed(self._session_id)
        except ApprovalError as error:
            _log.warning("session %s: held calls are not known: %s", self._session_id, error)
            return
        for each in followed:
            call = each.approval.call
            if call is not None and each.approval.id not in self._held:
                await self._resume(each, call)

    async def _resume(self, followed: FollowedCall, call: HeldCall) -> None:
        approval = followed.approval
        if followed.end is None and not followed.claimed:
            self._hold(approval.id, call)
            return
        end = followed.end
        if end is None:  # its process died in the middle of it
            end = CallEnd(outcome="cancelled", result=CUT_OFF)
            await self._write(self._approvals.ended(approval.id, end))
        self._tell(approval, call, LateEnd(end), took_s=0.0)

    def _tell(self, approval: Approval, call: HeldCall, late: LateEnd, *, took_s: float) -> None:
        finished = ToolFinished(
            call.call_id, call.tool, call.arguments, late.end.outcome, late.end.result, took_s
        )
        self._record(call.turn_id, finished)
        self._news[approval.id] = News(
            approval.id, _note(approval, call, late.end), late.hangs_up, late.next_agent
        )
        self.on_news()

    async def _write(self, writing: Awaitable[None]) -> None:
        try:
            await writing
        except ApprovalError as error:
            _log.error("session %s: an approval is not kept: %s", self._session_id, error)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name="held call")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _action(call: HeldCall) -> str:
    given = ", ".join(f"{name}={value!r}" for name, value in call.arguments.items())
    return f"{call.tool}({given})"[:4000]


def _refusal(approval: Approval) -> CallEnd:
    if approval.status is ApprovalStatus.EXPIRED:
        why = "nobody decided in time"
    else:
        why = approval.approval_notes or "no reason given"
    return CallEnd(outcome="refused", result=f"Refused: {why}.")


def _note(approval: Approval, call: HeldCall, end: CallEnd) -> str:
    what = f"What had to be confirmed, {_action(call)},"
    if approval.status is ApprovalStatus.EXPIRED:
        became = "was not confirmed in time, and has not been done."
    elif approval.status is ApprovalStatus.REJECTED:
        because = f": {approval.approval_notes}" if approval.approval_notes else ""
        became = f"was refused, and has not been done{because}."
    elif end.outcome == "done":
        became = f"was confirmed and has been done: {end.result}"
    else:
        became = f"was confirmed, but did not work: {end.result}"
    return f"{what} {became} The person does not know yet: tell them now, in a short sentence."

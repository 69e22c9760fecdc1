"""Approvals in SQL: in an SQLite file of one machine, or in PostgreSQL.

Whether something has expired is told by the time when it is read, and written down before anybody
acts on it.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Double,
    MetaData,
    Row,
    Table,
    Text,
    and_,
    delete,
    func,
    not_,
    select,
    update,
)

from dialogue.approvals.approval import (
    Approval,
    ApprovalDecision,
    ApprovalError,
    ApprovalRequest,
    ApprovalStats,
    ApprovalStatus,
    CallEnd,
    FollowedCall,
    HeldCall,
)
from dialogue.approvals.memory import asked, decided_already, not_found, stats_of, status_of
from dialogue.bounded import TIMEOUT_S
from dialogue.database import Database

MOST_COUNTED = 10_000
"""Of the latest approvals, so many are in the figures."""

_metadata = MetaData()
_approvals = Table(
    "parley_approvals",
    _metadata,
    Column("id", Text, primary_key=True),
    Column("session_id", Text, nullable=False, index=True),
    Column("status", Text, nullable=False, index=True),
    Column("asked_at_s", Double, nullable=False),
    Column("expires_at_s", Double, nullable=False),
    Column("decided_at_s", Double),
    Column("approver_id", Text, nullable=False),
    Column("approval_notes", Text, nullable=False),
    Column("request", Text, nullable=False),
    Column("call", Text),  # none: somebody outside asked
    Column("claimed", Boolean, nullable=False),
    Column("end", Text),
    Column("told", Boolean, nullable=False),
)
_c = _approvals.c


class SqlApprovals:
    """In a file or behind a URL, as Database has it; `now` gives seconds since 1970."""

    def __init__(
        self,
        place: Path | str,
        *,
        now: Callable[[], float] = time.time,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._now = now
        self._database = Database(
            place,
            _metadata,
            what="the store of approvals",
            setting="approvals.url (APPROVALS_URL)",
            failure=ApprovalError,
            timeout_s=timeout_s,
        )

    async def request(self, request: ApprovalRequest, call: HeldCall | None = None) -> Approval:
        approval = asked(request, call, self._now())
        row = {
            "id": approval.id,
            "session_id": request.orchestration_id,
            "status": approval.status.value,
            "asked_at_s": approval.asked_at_s,
            "expires_at_s": approval.expires_at_s,
            "approver_id": "",
            "approval_notes": "",
            "request": request.model_dump_json(),
            "call": call.model_dump_json() if call is not None else None,
            "claimed": False,
            "told": False,
        }
        once = self._database.inserting_once(_approvals).values(row)
        async with self._database.changing() as connection:
            is_new = (await connection.execute(once)).rowcount == 1
        return approval if is_new else await self.load(approval.id) or approval

    async def load(self, approval_id: str) -> Approval | None:
        rows = await self._rows(_c.id == approval_id)
        return self._approval(rows[0]) if rows else None

    async def pending(self, *, limit: int = 100) -> Sequence[Approval]:
        return [self._approval(row) for row in await self._rows(_waits(self._now()), limit=limit)]

    async def decide(self, approval_id: str, decision: ApprovalDecision) -> Approval:
        now_s = self._now()
        change = (
            update(_approvals)
            .where(_c.id == approval_id, _waits(now_s))
            .values(
                status=status_of(decision).value,
                decided_at_s=now_s,
                approver_id=decision.approver_id,
                approval_notes=decision.approval_notes,
            )
        )
        async with self._database.changing() as connection:
            decided = (await connection.execute(change)).rowcount == 1
        if (approval := await self.load(approval_id)) is None:
            raise not_found(approval_id)
        if not decided:
            raise decided_already(approval)
        return approval

    async def stats(self) -> ApprovalStats:
        latest = (
            select(_c.status, _c.expires_at_s, _c.asked_at_s, _c.decided_at_s, _c.approver_id)
            .order_by(_c.asked_at_s.desc())
            .limit(MOST_COUNTED)
        )
        async with self._database.reading() as connection:
            rows = (await connection.execute(latest)).all()
        return stats_of(
            [self._status(row) for row in rows],
            [row.decided_at_s - row.asked_at_s for row in rows if row.approver_id],
        )

    async def decided_of(self, ids: Sequence[str]) -> Sequence[Approval]:
        if not ids:
            return []
        these, now_s = _c.id.in_(list(ids)), self._now()
        rows = await self._rows(these)
        if any(row.status == ApprovalStatus.PENDING and row.expires_at_s <= now_s for row in rows):
            expired = (
                update(_approvals)
                .where(
                    these,
                    _c.status == ApprovalStatus.PENDING.value,
                    _c.expires_at_s <= now_s,
                )
                .values(status=ApprovalStatus.EXPIRED.value)
            )
            async with self._database.changing() as connection:
                await connection.execute(expired)
            rows = await self._rows(these)
        return [self._approval(row) for row in rows if row.status != ApprovalStatus.PENDING]

    async def followed(self, session_id: str) -> Sequence[FollowedCall]:
        untold = and_(_c.session_id == session_id, _c.call.is_not(None), _c.told.is_(False))
        return [
            FollowedCall(
                approval=self._approval(row),
                claimed=row.claimed,
                end=CallEnd.model_validate_json(row.end) if row.end else None,
            )
            for row in await self._rows(untold)
        ]

    async def claim(self, approval_id: str) -> bool:
        change = (
            update(_approvals)
            .where(
                _c.id == approval_id,
                _c.status == ApprovalStatus.APPROVED.value,
                _c.claimed.is_(False),
            )
            .values(claimed=True)
        )
        async with self._database.changing() as connection:
            return (await connection.execute(change)).rowcount == 1

    async def ended(self, approval_id: str, end: CallEnd) -> None:
        await self._set(approval_id, end=end.model_dump_json())

    async def told(self, approval_id: str) -> None:
        await self._set(approval_id, told=True)

    async def purge(self, *, ended_before_s: float) -> int:
        old = delete(_approvals).where(
            not_(_waits(self._now())),
            func.coalesce(_c.decided_at_s, _c.expires_at_s) < ended_before_s,
        )
        async with self._database.changing() as connection:
            return (await connection.execute(old)).rowcount

    async def aclose(self) -> None:
        await self._database.aclose()

    async def _set(self, approval_id: str, **values: Any) -> None:
        change = update(_approvals).where(_c.id == approval_id).values(**values)
        async with self._database.changing() as connection:
            await connection.execute(change)

    async def _rows(
        self, where: ColumnElement[bool], *, limit: int | None = None
    ) -> Sequence[Row[Any]]:
        found = select(_approvals).where(where).order_by(_c.asked_at_s, _c.id).limit(limit)
        async with self._database.reading() as connection:
            return (await connection.execute(found)).all()

    def _status(self, row: Any) -> ApprovalStatus:
        status = ApprovalStatus(row.status)
        is_over = status is ApprovalStatus.PENDING and row.expires_at_s <= self._now()
        return ApprovalStatus.EXPIRED if is_over else status

    def _approval(self, row: Any) -> Approval:
        return Approval(
            id=row.id,
            request=ApprovalRequest.model_validate_json(row.request),
            call=HeldCall.model_validate_json(row.call) if row.call else None,
            status=self._status(row),
            asked_at_s=row.asked_at_s,
            expires_at_s=row.expires_at_s,
            decided_at_s=row.decided_at_s,
            approver_id=row.approver_id,
            approval_notes=row.approval_notes,
        )


def _waits(now_s: float) -> ColumnElement[bool]:
    """Nobody has decided it, and somebody still may."""
    return and_(_c.status == ApprovalStatus.PENDING.value, _c.expires_at_s > now_s)

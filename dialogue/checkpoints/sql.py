"""Checkpoints in SQL: in an SQLite file of one machine, or in PostgreSQL."""

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from sqlalchemy import (
    Boolean,
    Column,
    Double,
    ForeignKey,
    Integer,
    MetaData,
    Table,
    Text,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from dialogue.bounded import TIMEOUT_S
from dialogue.checkpoints.store import (
    CheckpointError,
    PipelineHeldError,
    PipelineNotFoundError,
    PipelineRecord,
    PipelineStatus,
    SavedPipeline,
    SavedStep,
)
from dialogue.database import Database

_metadata = MetaData()
_pipelines = Table(
    "parley_pipelines",
    _metadata,
    Column("id", Text, primary_key=True),
    Column("session_id", Text, nullable=False),
    Column("status", Text, nullable=False, index=True),
    Column("owner", Text, nullable=False, index=True),
    Column("lease_until_s", Double, nullable=False),
    Column("began_at_s", Double, nullable=False),
    Column("version", Integer, nullable=False),
    Column("text", Text, nullable=False),
)
_steps = Table(
    "parley_pipeline_steps",
    _metadata,
    Column("pipeline_id", Text, ForeignKey(_pipelines.c.id, ondelete="CASCADE"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("ended", Boolean, nullable=False),
    Column("result", Text, nullable=False),
)
_p, _s = _pipelines.c, _steps.c


class SqlCheckpoints:
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
            what="the store of checkpoints",
            setting="checkpoints.url (CHECKPOINTS_URL)",
            failure=CheckpointError,
            timeout_s=timeout_s,
        )

    async def begin(self, record: PipelineRecord, owner: str, *, lease_s: float) -> None:
        row = record.model_dump(mode="json")
        row |= {"owner": owner, "lease_until_s": self._now() + lease_s}
        async with self._database.changing() as connection:
            await connection.execute(self._database.inserting_once(_pipelines).values(row))

    async def save(self, pipeline_id: str, owner: str, step: SavedStep) -> None:
        # The update holds the pipeline's row until the end: nobody takes it over in between.
        hold = update(_pipelines).where(_p.id == pipeline_id, _p.owner == owner).values(owner=owner)
        same = and_(_s.pipeline_id == pipeline_id, _s.key == step.key)
        kept = {"ended": step.ended, "result": json.dumps(step.result)}
        async with self._database.changing() as connection:
            if (await connection.execute(hold)).rowcount != 1:
                raise PipelineHeldError(f"pipeline {pipeline_id} is not ours any more")
            changed = await connection.execute(update(_steps).where(same).values(**kept))
            if changed.rowcount == 0:
                count = select(func.count()).where(_s.pipeline_id == pipeline_id)
                position = (await connection.execute(count)).scalar_one()
                row = {"pipeline_id": pipeline_id, "key": step.key, "position": position}
                await connection.execute(insert(_steps).values(**row, **kept))

    async def renew(self, owner: str, *, lease_s: float) -> None:
        change = (
            update(_pipelines)
            .where(_p.owner == owner, _p.status == PipelineStatus.RUNNING.value)
            .values(lease_until_s=self._now() + lease_s)
        )
        async with self._database.changing() as connection:
            await connection.execute(change)

    async def end(self, pipeline_id: str, owner: str, status: PipelineStatus) -> None:
        change = (
            update(_pipelines)
            .where(_p.id == pipeline_id, _p.owner == owner)
            .values(status=status.value)
        )
        async with self._database.changing() as connection:
            await connection.execute(change)

    async def load(self, pipeline_id: str) -> SavedPipeline | None:
        found = select(_pipelines).where(_p.id == pipeline_id)
        steps = select(_steps).where(_s.pipeline_id == pipeline_id).order_by(_s.position)
        async with self._database.reading() as connection:
            row = (await connection.execute(found)).one_or_none()
            if row is None:
                return None
            saved = (await connection.execute(steps)).all()
        return SavedPipeline(
            record=PipelineRecord.model_validate(dict(row._mapping)),
            owner=row.owner,
            lease_until_s=row.lease_until_s,
            steps=[
                SavedStep(key=step.key, ended=step.ended, result=json.loads(step.result))
                for step in saved
            ],
        )

    async def claim(self, pipeline_id: str, owner: str, *, lease_s: float) -> SavedPipeline:
        now_s = self._now()
        is_free = or_(
            and_(_p.status == PipelineStatus.RUNNING.value, _p.lease_until_s <= now_s),
            _p.status == PipelineStatus.FAILED.value,
        )
        change = (
            update(_pipelines)
            .where(_p.id == pipeline_id, is_free)
            .values(owner=owner, lease_until_s=now_s + lease_s, status=PipelineStatus.RUNNING.value)
        )
        async with self._database.changing() as connection:
            is_ours = (await connection.execute(change)).rowcount == 1
        if (saved := await self.load(pipeline_id)) is None:
            raise PipelineNotFoundError(f"there is no pipeline {pipeline_id!r}")
        if is_ours:
            return saved
        if saved.record.status is PipelineStatus.RUNNING:
            left_s = max(0.0, saved.lease_until_s - now_s)
            raise PipelineHeldError(
                f"pipeline {pipeline_id} is being worked on: should its process have died, it can "
                f"be taken over in {left_s:.0f} s"
            )
        raise PipelineHeldError(f"pipeline {pipeline_id} is {saved.record.status} already")

    async def let_go(self, pipeline_id: str, owner: str) -> None:
        change = (
            update(_pipelines)
            .where(_p.id == pipeline_id, _p.owner == owner)
            .values(owner="", lease_until_s=self._now())
        )
        async with self._database.changing() as connection:
            await connection.execute(change)

    async def abandoned(self) -> Sequence[PipelineRecord]:
        found = (
            select(_pipelines)
            .where(_p.status == PipelineStatus.RUNNING.value, _p.lease_until_s <= self._now())
            .order_by(_p.began_at_s)
        )
        async with self._database.reading() as connection:
            rows = (await connection.execute(found)).all()
        return [PipelineRecord.model_validate(dict(row._mapping)) for row in rows]

    async def purge(self, *, began_before_s: float) -> int:
        old = delete(_pipelines).where(
            _p.status != PipelineStatus.RUNNING.value, _p.began_at_s < began_before_s
        )
        async with self._database.changing() as connection:
            return (await connection.execute(old)).rowcount

    async def aclose(self) -> None:
        await self._database.aclose()

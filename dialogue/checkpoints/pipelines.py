"""The pipelines that this process works on: their steps are saved as they end.

A pipeline is one turn and its answer; its steps are the answers of the model and the calls of
tools. A turn that is only a guess leaves nothing in the store. Where the store fails the answer
goes on without it.
"""

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from pydantic import JsonValue

from dialogue.checkpoints.store import (
    CheckpointError,
    PipelineCheckpoints,
    PipelineHeldError,
    PipelineRecord,
    PipelineStatus,
    SavedPipeline,
    SavedStep,
)
from parley.app.engine import Turn
from parley.background import background

LEASE_S = 15.0
SAVED_WITHIN_S = 2.0
"""How long the end of the process waits for what is still to be written."""
VERSION = 1
"""Of what the steps mean: those of another version are not resumed."""

_log = logging.getLogger(__name__)


class Pipelines:
    """Those of one process; the store stays with who opened it."""

    def __init__(
        self,
        checkpoints: PipelineCheckpoints,
        *,
        lease_s: float = LEASE_S,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`now` gives seconds since 1970."""
        self.checkpoints = checkpoints
        self.owner = uuid.uuid4().hex
        self.lease_s = lease_s
        self.now = now
        self._claimed: dict[str, SavedPipeline] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.active = 0
        """Pipelines that are being worked on."""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keeps the leases while the block runs."""
        async with background(self._renew(), name="keep the leases of pipelines"):
            yield
        tasks = tuple(self._tasks)
        if tasks:
            await asyncio.wait(tasks, timeout=SAVED_WITHIN_S)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def claim(self, pipeline_id: str) -> SavedPipeline:
        """Takes a pipeline over: the turn of its id, when it is answered now, goes on with it. Of
        one that is done already that is its answer again, for which nothing is asked or called.

        Raises PipelineNotFoundError and PipelineHeldError.
        """
        try:
            saved = await self.checkpoints.claim(pipeline_id, self.owner, lease_s=self.lease_s)
        except PipelineHeldError:
            done = await self.checkpoints.load(pipeline_id)
            if done is None or done.record.status is not PipelineStatus.DONE:
                raise
            saved = done
        if saved.record.version != VERSION:
            raise PipelineHeldError(
                f"pipeline {pipeline_id} was begun by another version of the program"
            )
        self._claimed[pipeline_id] = saved
        return saved

    async def let_go(self, pipeline_id: str) -> None:
        """Leaves a claimed one to others, unless its turn has begun. Raises CheckpointError."""
        if self._claimed.pop(pipeline_id, None) is not None:
            await self.checkpoints.let_go(pipeline_id, self.owner)

    def begin(self, turn: Turn) -> "TurnPipeline":
        """Of a turn that is about to be answered."""
        self.active += 1
        return TurnPipeline(self, turn, self._claimed.pop(turn.id, None))

    def beside(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Does it without anybody waiting; `running` waits for it at its end."""
        task = asyncio.create_task(work, name="save a pipeline")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self.lease_s / 3)
            try:
                await self.checkpoints.renew(self.owner, lease_s=self.lease_s)
            except CheckpointError as error:
                _log.warning("the leases of pipelines are not renewed: %s", error)


class TurnPipeline:
    """One. Its steps have keys that are the same when the turn is answered again."""

    def __init__(self, pipelines: Pipelines, turn: Turn, saved: SavedPipeline | None) -> None:
        self._pipelines = pipelines
        self._turn = turn
        self._steps = {step.key: step for step in saved.steps} if saved is not None else {}
        self._waiting: list[SavedStep] = []
        """Steps of a turn that may yet turn out to be none."""
        self._kept = saved is not None
        self._lost = False
        self._writing = asyncio.Lock()
        self._taken = pipelines.beside(self._once_taken())
        self._counts: dict[str, int] = {}

    def key(self, kind: str) -> str:
        """Of the next step of the kind."""
        number = self._counts[kind] = self._counts.get(kind, 0) + 1
        return f"{kind}:{number}"

    def saved(self, key: str) -> SavedStep | None:
        """The step, where it was begun before the process that worked on it died."""
        return self._steps.get(key)

    async def step(self, kind: str, work: Callable[[], Awaitable[JsonValue]]) -> JsonValue:
        """The result of the work, which is done once: for work without effects."""
        key = self.key(kind)
        if (step := self.saved(key)) is not None and step.ended:
            return step.result
        result = await work()
        await self.save(SavedStep(key=key, result=result, ended=True))
        return result

    async def save(self, step: SavedStep) -> None:
        """Keeps it, now or once the turn is taken.

        Raises PipelineHeldError where another process has taken the pipeline over.
        """
        self._steps[step.key] = step
        self._waiting.append(step)
        if self._kept:
            await self._write()

    async def keep(self) -> None:
        """The turn is taken: from now on it is in the store. Raises PipelineHeldError."""
        await self._write()

    def end(self, status: PipelineStatus) -> None:
        """Nothing more will be done."""
        self._pipelines.active -= 1
        self._taken.cancel()
        if self._kept:
            self._pipelines.beside(self._end(status))

    async def _once_taken(self) -> None:
        await self._turn.committed()
        try:
            await self._write()
        except PipelineHeldError as error:
            _log.warning("session %s: %s", self._turn.session.id, error)

    async def _write(self) -> None:
        pipelines = self._pipelines
        store, owner = pipelines.checkpoints, pipelines.owner
        if self._lost:
            return
        async with self._writing:
            try:
                if not self._kept:
                    await store.begin(self._record(), owner, lease_s=pipelines.lease_s)
                    self._kept = True
                while self._waiting:
                    await store.save(self._turn.id, owner, self._waiting[0])
                    del self._waiting[0]
            except PipelineHeldError:
                raise
            except CheckpointError as error:
                self._lost = True
                _log.warning("session %s goes on unsaved: %s", self._turn.session.id, error)

    async def _end(self, status: PipelineStatus) -> None:
        async with self._writing:
            try:
                await self._pipelines.checkpoints.end(self._turn.id, self._pipelines.owner, status)
            except CheckpointError as error:
                _log.warning("pipeline %s is not ended: %s", self._turn.id, error)

    def _record(self) -> PipelineRecord:
        return PipelineRecord(
            id=self._turn.id,
            session_id=self._turn.session.id,
            text=self._turn.text,
            began_at_s=self._pipelines.now(),
            version=VERSION,
        )

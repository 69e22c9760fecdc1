"""A process that answers one turn and is killed after so many things were saved.

`answer` is the target of processes that a fork server makes: they need not import anything.
"""

import asyncio
import os
import signal
from pathlib import Path

from dialogue.approvals.sql import SqlApprovals
from dialogue.checkpoints.pipelines import Pipelines
from dialogue.checkpoints.sql import SqlCheckpoints
from dialogue.checkpoints.store import PipelineRecord, PipelineStatus, SavedStep
from dialogue.conversation import Conversation
from dialogue.model import build_client, build_model
from dialogue.resources import Resources
from dialogue.sessions.sql import SqlStore
from dialogue.sessions.store import SessionRecord
from parley import Agent, tool
from tests.dialogue.conversing import INSTRUCTIONS, settings

LEASE_S = 0.4
PATIENT_S = 30.0
TURN = "t1"


class DyingCheckpoints(SqlCheckpoints):
    """Kills the process once `lives` things are saved."""

    def __init__(self, place: str, lives: int) -> None:
        super().__init__(place, timeout_s=PATIENT_S)
        self._lives = lives

    def _live(self) -> None:
        self._lives -= 1
        if self._lives == 0:
            die()

    async def begin(self, record: PipelineRecord, owner: str, *, lease_s: float) -> None:
        await super().begin(record, owner, lease_s=lease_s)
        self._live()

    async def save(self, pipeline_id: str, owner: str, step: SavedStep) -> None:
        await super().save(pipeline_id, owner, step)
        self._live()

    async def end(self, pipeline_id: str, owner: str, status: PipelineStatus) -> None:
        await super().end(pipeline_id, owner, status)
        self._live()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def shop(effects: Path, *, dies_in_tool: bool = False) -> Agent:
    @tool
    async def order(what: str) -> str:
        """Orders something."""
        with effects.open("a") as file:
            file.write(f"{what}\n")
        if dies_in_tool:
            die()
        return f"ordered {what}"

    return Agent(tools=[order])


async def converse(
    folder: Path, url: str, checkpoints: SqlCheckpoints, *, dies_in_tool: bool = False
) -> None:
    client = build_client(settings(url))
    store = SqlStore(folder / "sessions.db", timeout_s=PATIENT_S)
    pipelines = Pipelines(checkpoints, lease_s=LEASE_S)
    async with pipelines.running():
        conversation = await Conversation.open(
            store,
            SessionRecord(id="s1", channel="text", began_at_s=0.0),
            shop(folder / "effects", dies_in_tool=dies_in_tool),
            Resources(
                model=build_model(settings(url), client),
                instructions=INSTRUCTIONS,
                pipelines=pipelines,
                approvals=SqlApprovals(folder / "operations.db", timeout_s=PATIENT_S),
            ),
        )
        turn = conversation.turn("Order a bell.", waiting_since_s=0.0, turn_id=TURN)
        turn.commit()
        await conversation.flush()
        async for _ in turn.events():
            pass
        await asyncio.gather(*tuple(pipelines._tasks))
        await conversation.aclose()


def answer(folder: Path, url: str, lives: int, dies_in_tool: bool) -> None:
    checkpoints = DyingCheckpoints(f"sqlite:///{folder / 'operations.db'}", lives)
    asyncio.run(converse(folder, url, checkpoints, dies_in_tool=dies_in_tool))

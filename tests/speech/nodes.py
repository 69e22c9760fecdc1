"""A node and its calls, as tests use them: real sockets, workers that are simulated."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from bench.scoreboard_fleet import Fleet, FleetLoad, fleet_running
from parley.discovery import StaticDiscovery
from parley.speech.balancing.picker import Candidate
from parley.speech.balancing.roster import Roster
from parley.speech.balancing.scoreboard import Scoreboard
from parley.speech.node.link import NodeLink
from parley.speech.node.mirror import MirroredScoreboard

WITHIN_S = 30.0
LOAD = FleetLoad(calls=0, workers=3, nodes=1, reply_every_s=1.0, slow=0)

JOB = """
import asyncio, sys
from pathlib import Path
from tests.speech.nodes import job_at

async def main(path, target):
    async with job_at(Path(path), [target]) as (_, board):
        with board.call(target):
            print("calls", flush=True)
            await asyncio.Event().wait()

asyncio.run(main(*sys.argv[1:]))
"""
"""A job process that has one call at a worker until it is killed."""


@asynccontextmanager
async def node_running(folder: Path, load: FleetLoad = LOAD) -> AsyncIterator[Fleet]:
    async with fleet_running(load, folder) as fleet:
        yield fleet


@asynccontextmanager
async def job_at(
    path: Path, targets: list[str], fleet: Fleet | None = None
) -> AsyncIterator[tuple[NodeLink, MirroredScoreboard]]:
    """A call's side; without a `fleet` it has no way to ask a worker itself."""

    async def nobody(_: str) -> None:
        await asyncio.Event().wait()

    async def keep_only(_: object) -> None:
        """There is no connection."""

    local = (
        fleet.roster()
        if fleet is not None
        else Roster(StaticDiscovery(",".join(targets)), nobody, keep_only)
    )
    async with NodeLink(path) as link:
        board = MirroredScoreboard("synthesis", link, local)
        async with board.watching():
            yield link, board


@asynccontextmanager
async def call_on(fleet: Fleet) -> AsyncIterator[MirroredScoreboard]:
    """A call's scoreboard on the fleet's first node."""
    async with job_at(fleet.paths[0], list(fleet.workers), fleet) as (_, board):
        yield board


@asynccontextmanager
async def job_process(path: Path, target: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Runs JOB until it has its call."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", JOB, str(path), target, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(WITHIN_S):
            assert await process.stdout.readline() == b"calls\n"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def at(board: Scoreboard, target: str) -> Candidate:
    (found,) = (each for each in board.candidates() if each.target == target)
    return found


async def until(board: Scoreboard, condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not condition():
            await board.updated()

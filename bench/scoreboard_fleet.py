"""Simulated workers and calls on the real scoreboard: its server, its sockets, its job side."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from parley.discovery import StaticDiscovery
from parley.rpc.v1 import status_pb2
from parley.speech.balancing.picker import pick
from parley.speech.balancing.roster import Roster
from parley.speech.balancing.scoreboard import Scoreboard
from parley.speech.node.link import NodeLink
from parley.speech.node.mirror import MirroredScoreboard
from parley.speech.node.server import NodeScoreboard
from parley.speech.node.socket_file import socket_path

VOICES = 163
"""That a worker lists in its status, as the Piper worker does."""
VOICE = "voice-000"
SLOTS = 8
QUICK_S, SLOW_S = 0.1, 0.6
"""From a text to its first sound."""
MAKING_S = 0.5
"""Of the rest of a reply."""
STATUS_S = 0.002
RAMP_S = 10.0


@dataclass
class SimulatedWorker:
    """Answers a status as a worker does and takes its time to sound."""

    target: str
    first_audio_s: float = QUICK_S
    busy: int = 0
    asked: int = 0
    """For its status."""
    asked_bytes: int = 0
    replies: int = 0

    async def status(self) -> status_pb2.WorkerStatus:
        await asyncio.sleep(STATUS_S)
        status = status_pb2.WorkerStatus()
        status.CopyFrom(_STATUS)
        status.in_flight = self.busy
        self.asked += 1
        self.asked_bytes += _STATUS_BYTES
        return status

    async def reply(self, on_sound: Callable[[], None]) -> None:
        """Sounds after its time, longer where it has more to do than slots."""
        self.replies += 1
        self.busy += 1
        try:
            await asyncio.sleep(self.first_audio_s * max(1.0, self.busy / SLOTS))
            on_sound()
            await asyncio.sleep(MAKING_S)
        finally:
            self.busy -= 1


def _voices() -> list[status_pb2.Voice]:
    return [
        status_pb2.Voice(
            name=f"voice-{number:03}",
            engine="piper",
            languages=["en-US"],
            sample_rate_hz=22050,
            license="CC0-1.0",
            residency=status_pb2.VOICE_RESIDENCY_REMOTE
            if number
            else status_pb2.VOICE_RESIDENCY_RESIDENT,
        )
        for number in range(VOICES)
    ]


_STATUS = status_pb2.WorkerStatus(slots=SLOTS, voices=_voices())
_STATUS_BYTES = _STATUS.ByteSize()


@dataclass(frozen=True, kw_only=True)
class FleetLoad:
    """How many there are, and how often each call has a reply; `slow` of the workers are slow."""

    calls: int
    workers: int
    nodes: int
    reply_every_s: float
    slow: int = 1
    replies_per_call: int = 20
    """Then another call takes its place, which knows nothing by itself."""


@dataclass
class Fleet:
    """The workers of a run, and the nodes that know them."""

    load: FleetLoad
    workers: Mapping[str, SimulatedWorker]
    nodes: Sequence[NodeScoreboard] = ()
    paths: Sequence[Path] = ()
    pick_s: list[float] = field(default_factory=list)

    def roster(self) -> Roster:
        async def keep_only(_: object) -> None:
            """There is no connection."""

        return Roster(
            StaticDiscovery(",".join(self.workers)),
            lambda target: self.workers[target].status(),
            keep_only,
            asyncio.get_running_loop().time,
        )

    @property
    def slow_share(self) -> float:
        """Of the slow workers in all replies."""
        replies = sum(worker.replies for worker in self.workers.values())
        slow = sum(w.replies for w in self.workers.values() if w.first_audio_s == SLOW_S)
        return slow / max(1, replies)

    def forget(self) -> None:
        """Counts anew."""
        self.pick_s.clear()
        for worker in self.workers.values():
            worker.replies = worker.asked = worker.asked_bytes = 0
        for node in self.nodes:
            node.told_bytes = 0


@asynccontextmanager
async def fleet_running(load: FleetLoad, folder: Path) -> AsyncIterator[Fleet]:
    """The workers, and a node's scoreboard for every `nodes`; none for 0."""
    workers = {
        (target := f"10.0.{number // 250}.{number % 250 + 1}:7001"): SimulatedWorker(
            target, SLOW_S if number < load.slow else QUICK_S
        )
        for number in range(load.workers)
    }
    fleet = Fleet(load, workers)
    async with AsyncExitStack() as running:
        nodes, paths = [], []
        for number in range(load.nodes):
            path = socket_path(folder, number + 1)
            node = NodeScoreboard(
                {"synthesis": fleet.roster()}, path, clock=asyncio.get_running_loop().time
            )
            await running.enter_async_context(node.running())
            nodes.append(node)
            paths.append(path)
        fleet.nodes, fleet.paths = nodes, paths
        yield fleet


@asynccontextmanager
async def board_of_a_call(fleet: Fleet, number: int) -> AsyncIterator[Scoreboard]:
    """What a call picks by: its node's scoreboard, or where there is no node, its own."""
    local = fleet.roster()
    if not fleet.paths:
        async with local.watching():
            yield local
        return
    async with NodeLink(fleet.paths[number % len(fleet.paths)]) as link:
        mirror = MirroredScoreboard("synthesis", link, local)
        async with mirror.watching():
            yield mirror


async def converse(fleet: Fleet, number: int, until: asyncio.Event, random: Random) -> None:
    """Call after call, until it is over; what is spoken then is heard out. All begin within
    RAMP_S, not together."""
    await asyncio.sleep(RAMP_S * number / fleet.load.calls)
    while not until.is_set():
        async with board_of_a_call(fleet, number) as board:
            for _ in range(fleet.load.replies_per_call):
                try:
                    async with asyncio.timeout(random.expovariate(1 / fleet.load.reply_every_s)):
                        await until.wait()
                except TimeoutError:
                    await _reply(fleet, board, random)
                else:
                    return


async def _reply(fleet: Fleet, board: Scoreboard, random: Random) -> None:
    board.earn_hedge()
    began = time.perf_counter()
    candidate = pick(board.candidates(), random=random, voice=VOICE)
    fleet.pick_s.append(time.perf_counter() - began)
    if candidate is None:
        return
    target, asked_at = candidate.target, asyncio.get_running_loop().time()

    def sounded() -> None:
        board.answered(target)
        board.sounded(target, asyncio.get_running_loop().time() - asked_at)

    with board.call(target):
        await fleet.workers[target].reply(sounded)


async def loss_seen_s(fleet: Fleet, node: int, observers: int) -> list[float]:
    """How long it takes until so many calls of a node avoid a worker that one of them lost."""
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as calls:
        boards = [
            await calls.enter_async_context(board_of_a_call(fleet, node))
            for _ in range(observers + 1)
        ]
        target = next(each.target for each in boards[0].candidates() if each.circuit_closed)
        lost_at = loop.time()
        boards[0].lost(target)

        async def seen(board: Scoreboard) -> float:
            while any(each.target == target and each.circuit_closed for each in board.candidates()):
                await board.updated()
            return loop.time() - lost_at

        seen_s = await asyncio.gather(*map(seen, boards[1:]))
        boards[0].answered(target)
        await boards[0].updated()
        return list(seen_s)

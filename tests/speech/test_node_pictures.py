"""Whoever joins a node, whenever, sees the workers as they are."""

from random import Random

import pytest

from parley.discovery.lease import Kind
from parley.rpc.v1 import status_pb2
from parley.speech.balancing.roster import Roster
from parley.speech.node.link import Table
from parley.speech.node.pictures import Pictures
from parley.speech.node.wire import Board, boards_json, parse_push, push_line
from tests.speech.test_workers_that_go import Listed

TARGETS = [f"10.0.0.{number}:7001" for number in range(5)]
VOICES = (("a", "b"), ("a",), ())


class Fleet:
    """Workers whose status the test writes."""

    def __init__(self) -> None:
        self.listed = Listed(list(TARGETS))
        self.voices = dict.fromkeys(TARGETS, VOICES[0])
        self.roster = Roster(self.listed, self._status, self._keep_only)

    async def _status(self, target: str) -> status_pb2.WorkerStatus:
        resident = status_pb2.VOICE_RESIDENCY_RESIDENT
        voices = [status_pb2.Voice(name=v, residency=resident) for v in self.voices[target]]
        return status_pb2.WorkerStatus(slots=4, voices=voices)

    async def _keep_only(self, _: object) -> None:
        """There is no connection."""

    async def change(self, random: Random) -> None:
        target = random.choice(TARGETS)
        match random.randrange(5):
            case 0:
                self.roster.count(target, 1, 1)
            case 1:
                self.roster.count(target, -1, -1)
            case 2:
                self.roster.lost(target)
            case 3:
                self.voices[target] = random.choice(VOICES)
                await self.roster.refresh()
            case _:
                self.listed.targets = random.sample(TARGETS, k=random.randrange(1, 6))


def over_the_wire(board: Board | None, *, full: bool) -> Board:
    boards: dict[Kind, Board] = {"synthesis": board} if board is not None else {}
    push = parse_push(push_line(0, full=full, boards=boards_json(boards)))
    return push.boards.get("synthesis", Board(hedges=0.0))


@pytest.mark.parametrize("seed", range(30))
async def test_who_joins_in_the_middle_sees_what_the_others_see(seed: int) -> None:
    random, fleet = Random(seed), Fleet()
    await fleet.roster.refresh()
    pictures = Pictures(fleet.roster)
    pictures.changes()
    tables: list[Table] = []
    for _ in range(60):
        for _ in range(random.randrange(4)):
            await fleet.change(random)
        if random.random() < 0.3:
            tables.append(Table())
            tables[-1].take(over_the_wire(pictures.whole(), full=True), full=True)
        if random.random() < 0.4:
            board = over_the_wire(pictures.changes(), full=False)
            for table in tables:
                table.take(board, full=False)
    last = over_the_wire(pictures.changes(), full=False)
    expected = {each.target: each for each in fleet.roster.candidates()}
    for table in tables:
        table.take(last, full=False)
        assert table.workers == expected

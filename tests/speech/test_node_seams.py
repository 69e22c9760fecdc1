"""The socket between a node and its calls, whatever either end does."""

import asyncio
import gc
import json
import socket
import stat
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from bench.scoreboard_fleet import Fleet, FleetLoad
from parley.speech.node import socket_file
from parley.speech.node.server import MOST_UNREAD, READS_AGAIN_WITHIN_S, NodeScoreboard
from parley.speech.node.wire import LONGEST_REPORT
from tests.speech.nodes import WITHIN_S, at, call_on, job_at, node_running, until

MANY = FleetLoad(calls=0, workers=400, nodes=1, reply_every_s=1.0, slow=0)
REPORT = {"n": 1, "kind": "synthesis", "target": "10.0.0.1:7001"}


@asynccontextmanager
async def connection_to(
    path: Path,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A job's connection on which the test says what it likes."""
    reader, writer = await asyncio.open_unix_connection(
        sock=socket_file.connect(path), limit=1 << 22
    )
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def until_cut_off(reader: asyncio.StreamReader) -> None:
    with suppress(ConnectionError):
        async with asyncio.timeout(WITHIN_S):
            while await reader.readline():
                pass


NONSENSE = (
    b"GET / HTTP/1.1\r\n\r\n",
    b"\x00\xff\xfe\n",
    b"{}\n",
    b'{"n": 1, "kind": "synthesis", "more": 1}\n',
    b'{"n": -1, "kind": "synthesis"}\n',
    b'{"n": 1, "kind": "somebody"}\n',
    json.dumps({**REPORT, "calls": [1, 2]}).encode() + b"\n",
    json.dumps({**REPORT, "calls": [1 << 40, 1]}).encode() + b"\n",
    json.dumps({**REPORT, "first_audio_s": 1e300}).encode() + b"\n",
    json.dumps({**REPORT, "target": "x" * 1000}).encode() + b"\n",
    b"[" * 1000 + b"\n",
    b"x" * 16 * LONGEST_REPORT,
)


async def test_a_job_that_talks_nonsense_is_cut_off_and_disturbs_nobody(tmp_path: Path) -> None:
    async with node_running(tmp_path) as fleet, call_on(fleet) as other:
        target = next(iter(fleet.workers))
        for said in NONSENSE:
            async with connection_to(fleet.paths[0]) as (reader, writer):
                writer.write(json.dumps({**REPORT, "calls": [1, 1]}).encode() + b"\n" + said)
                await until_cut_off(reader)
        with other.call(target):
            async with call_on(fleet) as third:
                await until(third, lambda: at(third, target).own_open == 1)


async def test_workers_that_a_job_makes_up_are_not_kept(tmp_path: Path) -> None:
    async with (
        node_running(tmp_path) as fleet,
        call_on(fleet) as other,
        connection_to(fleet.paths[0]) as (reader, writer),
    ):
        target = next(iter(fleet.workers))
        for number in range(200):
            made_up = {"n": number, "target": f"made-up-{number}:1", "lost": True}
            writer.write(json.dumps({**REPORT, **made_up, "calls": [5, 5]}).encode() + b"\n")
        writer.write(json.dumps({**REPORT, "n": 200, "calls": [1, 0]}).encode() + b"\n")
        await until(other, lambda: at(other, target).own_open == 1)
        assert {each.target for each in other.candidates()} == set(fleet.workers)
        assert not reader.at_eof()


async def test_a_flood_of_reports_does_not_keep_the_others_waiting(tmp_path: Path) -> None:
    async with node_running(tmp_path) as fleet, call_on(fleet) as one, call_on(fleet) as other:
        target = next(iter(fleet.workers))
        async with connection_to(fleet.paths[0]) as (_, writer):
            line = json.dumps({**REPORT, "answered": True}).encode() + b"\n"
            writer.write(line * 200_000)  # 18 MB, of which the server takes a little at a time
            await until(other, lambda: bool(other.candidates()))
            one.lost(target)
            await until(other, lambda: not at(other, target).circuit_closed)
            assert writer.transport.get_write_buffer_size() > 1 << 20


async def test_a_job_that_does_not_read_is_not_kept_for_and_catches_up_when_it_does(
    tmp_path: Path,
) -> None:
    async with node_running(tmp_path, MANY) as fleet, changing(fleet) as change:
        (node,) = fleet.nodes
        async with connection_to(fleet.paths[0]) as (reader, writer):
            writer.transport.pause_reading()
            await until_changed(change, lambda: node.unread_bytes > MOST_UNREAD)
            unread = node.unread_bytes
            for _ in range(3):
                await change()
            assert node.unread_bytes <= unread
            writer.transport.resume_reading()
            assert json.loads(await reader.readline())["full"]
            async with asyncio.timeout(WITHIN_S):
                while not json.loads(await reader.readline())["full"]:
                    pass


Change = Callable[[], Awaitable[None]]


@asynccontextmanager
async def changing(fleet: Fleet) -> AsyncIterator[Change]:
    """What changes every worker's row, and returns when all are told."""
    async with call_on(fleet) as board, call_on(fleet) as other:
        with ExitStack() as open_calls:
            calls = [open_calls.enter_context(board.call(target)) for target in fleet.workers]
            is_busy = True

            async def change() -> None:
                nonlocal is_busy
                is_busy = not is_busy
                for call in calls:
                    call.keeps_busy(is_busy)
                    await asyncio.sleep(0)  # a job's reports come one by one
                wanted = int(is_busy)
                await until(
                    other, lambda: all(c.own_in_flight == wanted for c in other.candidates())
                )

            yield change


async def until_changed(change: Change, condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not condition():
            await change()


async def test_a_job_that_never_reads_again_is_cut_off(tmp_path: Path) -> None:
    leap_s = [0.0]
    async with node_running(tmp_path, replace(MANY, nodes=0)) as fleet:
        fleet.paths = [path := tmp_path / "own.sock"]
        node = NodeScoreboard(
            {"synthesis": fleet.roster()}, path, clock=lambda: time.monotonic() + leap_s[0]
        )
        async with (
            node.running(),
            changing(fleet) as change,
            connection_to(path) as (_, writer),
        ):
            writer.transport.pause_reading()
            await until_changed(change, lambda: node.unread_bytes > MOST_UNREAD)
            await change()
            leap_s[0] += READS_AGAIN_WITHIN_S + 1
            await until_changed(change, lambda: node.jobs == 2)
            assert not node.unread_bytes


Serving = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def _says_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def _hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def _talks_nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"\xff\x00 nonsense\n")
    await reader.read()


async def _begins_in_the_middle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b'{"ack":0,"full":false,"boards":{}}\n')
    await reader.read()


async def _names_what_it_never_told(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    row = ["a:1", 1, 0, 0, 0, 0.0, False, True, True, False, False, 7, 8, [], ""]
    board = {"synthesis": {"rows": [row]}}
    writer.write(json.dumps({"ack": 0, "full": True, "boards": board}).encode() + b"\n")
    await reader.read()


@pytest.mark.parametrize(
    "serve",
    [
        _says_nothing,
        _hangs_up,
        _talks_nonsense,
        _begins_in_the_middle,
        _names_what_it_never_told,
    ],
)
async def test_a_call_whose_server_makes_no_sense_asks_the_workers_itself(
    serve: Serving, tmp_path: Path
) -> None:
    load = FleetLoad(calls=0, workers=2, nodes=0, reply_every_s=1.0, slow=0)
    async with node_running(tmp_path, load) as fleet:
        path = tmp_path / "strange.sock"
        server = await asyncio.start_unix_server(serve, path=path)
        fleet.paths = [path]
        try:
            async with asyncio.timeout(WITHIN_S), call_on(fleet) as board:
                assert board.stands_in
                assert {each.target for each in board.candidates()} == set(fleet.workers)
                assert all(worker.asked for worker in fleet.workers.values())
        finally:
            server.close()


async def test_a_call_goes_on_without_its_server_and_comes_back_to_the_next(
    tmp_path: Path,
) -> None:
    async with node_running(tmp_path / "workers") as fleet:
        target, lost = list(fleet.workers)[:2]
        path = tmp_path / "own.sock"
        fleet.paths = [path]

        def node() -> NodeScoreboard:
            return NodeScoreboard({"synthesis": fleet.roster()}, path)

        async with job_at(path, list(fleet.workers), fleet) as (link, board):
            assert board.stands_in  # there is none yet
            async with node().running():
                await until(board, lambda: not board.stands_in)
                with board.call(target):
                    pass
            with board.call(target):  # the server has gone, and nobody waits for that
                async with asyncio.timeout(WITHIN_S):
                    await link.down.wait()
                assert not board.stands_in
                assert {each.target for each in board.candidates()} == set(fleet.workers)
                assert at(board, target).own_open == 1
                board.lost(lost)
                assert not at(board, lost).circuit_closed
                await until(board, lambda: board.stands_in)
                assert at(board, target).own_open == 1
                async with node().running(), call_on(fleet) as other:
                    await until(other, lambda: at(other, target).own_open == 1)
                    await until(board, lambda: not board.stands_in)
                    assert at(board, target).own_open == 1


async def test_the_socket_is_its_user_s_alone_and_may_lie_deep(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / ("deep" * 20) / ("deeper" * 20)):
        path = socket_file.socket_path(folder, 8081)
        with socket_file.listen(path) as listening:
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert stat.S_ISSOCK(path.stat().st_mode)
            with pytest.raises(FileExistsError, match="in use"):
                socket_file.listen(path)  # it lives: nobody takes its place
            socket_file.connect(path).close()
            assert listening.fileno() > 0
        with pytest.raises(ConnectionRefusedError):
            socket_file.connect(path)
        socket_file.listen(path).close()  # what was left behind is replaced


def test_who_ends_takes_away_no_other_server_s_socket(tmp_path: Path) -> None:
    path = tmp_path / "node.sock"
    socket_file.listen(path).close()
    first = socket_file.file_number(path)
    (tmp_path / "kept").hardlink_to(path)  # its number is not given away again
    with socket_file.listen(path):
        socket_file.remove(path, first)
        socket_file.connect(path).close()
        socket_file.remove(path, socket_file.file_number(path))
        assert not path.exists()


def test_what_is_no_socket_is_left_where_it_is(tmp_path: Path) -> None:
    path = socket_file.socket_path(tmp_path, 8081)
    path.parent.mkdir()
    path.write_text("somebody's")
    with pytest.raises(FileExistsError):
        socket_file.listen(path)
    assert path.read_text() == "somebody's"


async def test_without_a_socket_the_server_lives_and_the_calls_ask_themselves(
    tmp_path: Path,
) -> None:
    load = FleetLoad(calls=0, workers=2, nodes=0, reply_every_s=1.0, slow=0)
    (tmp_path / "file").write_text("no folder")
    async with node_running(tmp_path, load) as fleet:
        path = tmp_path / "file" / "scoreboard.sock"
        node = NodeScoreboard({"synthesis": fleet.roster()}, path)
        fleet.paths = [path]
        async with node.running(), call_on(fleet) as board:
            assert board.stands_in
            assert len(board.candidates()) == 2


@pytest.mark.parametrize("steps", [*range(12), 15, 20, 30, 50, 80])
async def test_cancelled_anywhere_nothing_is_left(steps: int, tmp_path: Path) -> None:
    before = asyncio.all_tasks()

    async def everything() -> None:
        async with node_running(tmp_path) as fleet, call_on(fleet) as board:
            target = next(iter(fleet.workers))
            with board.call(target):
                board.lost(target)
                await asyncio.Event().wait()

    task = asyncio.create_task(everything())
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    async with asyncio.timeout(WITHIN_S):
        await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
    assert not socket_file.socket_path(tmp_path, 1).exists()


async def test_a_connection_lasts_although_the_garbage_is_collected(tmp_path: Path) -> None:
    """Python 3.13 closes a connection whose writer nobody holds; older ones forget the writer."""
    path = socket_file.socket_path(tmp_path, 1)
    before = {id(each) for each in gc.get_objects() if isinstance(each, asyncio.StreamWriter)}
    async with node_running(tmp_path), connection_to(path) as (reader, ours):
        assert (await reader.readline()).endswith(b"\n")
        gc.collect()
        held = [
            each
            for each in gc.get_objects()
            if isinstance(each, asyncio.StreamWriter) and id(each) not in before
        ]
        assert len([each for each in held if each is not ours]) == 1, "the server's"


def test_a_full_server_is_as_good_as_none(tmp_path: Path) -> None:
    path = tmp_path / "full.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(str(path))
        listening.listen(0)
        connected = [socket_file.connect(path)]
        with pytest.raises(BlockingIOError):
            for _ in range(10):
                connected.append(socket_file.connect(path))
        for each in connected:
            each.close()

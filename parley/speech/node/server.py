"""The agent server's side of a node's scoreboard: asks the workers once, for all calls of the node.

Whatever a job does or leaves undone, it holds no more than a line of a report, what its kernel
buffers and one picture of the workers; and what it counted goes with its connection.
"""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from parley.background import background
from parley.clock import Clock, monotonic
from parley.discovery.lease import Kind
from parley.speech.balancing.roster import Roster
from parley.speech.node import socket_file
from parley.speech.node.pictures import Pictures
from parley.speech.node.wire import LONGEST_REPORT, Report, boards_json, parse_report, push_line
from parley.token_bucket import TokenBucket

PUSH_EVERY_S = 0.5
"""What changes with every call is told so often; that a worker was lost, at once."""
SHORTEST_PAUSE_S = 0.01
ALIVE_EVERY_S = 1.0
MOST_UNREAD = 64 << 10
"""Bytes that a job has not read: one that is slower is sent the whole later, at once."""
READS_AGAIN_WITHIN_S = 10.0
"""A job that reads nothing for so long is cut off; it comes back if it lives."""
MOST_JOBS = 4096
MOST_TARGETS = 1024
"""Workers at which one job has calls."""
REPORTS_PER_MINUTE = 6000

_log = logging.getLogger(__name__)


@dataclass(eq=False)
class _Job:
    """One connection: what was told to it, and the calls it has at each worker."""

    writer: asyncio.StreamWriter
    """Kept: since Python 3.13 a writer that nobody holds closes its connection."""
    budget: TokenBucket
    ack: int = 0
    behind_since: float | None = None
    calls: dict[tuple[Kind, str], tuple[int, int]] = field(default_factory=dict)

    @property
    def transport(self) -> asyncio.WriteTransport:
        return self.writer.transport


class NodeScoreboard:
    """Serves what the `rosters` know at `path`, and adds what jobs report to it."""

    def __init__(
        self, rosters: Mapping[Kind, Roster], path: Path, *, clock: Clock = monotonic
    ) -> None:
        self._rosters = rosters
        self._path = path
        self._clock = clock
        self._jobs: set[_Job] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._pictures = {kind: Pictures(roster) for kind, roster in rosters.items()}
        self._urgent = asyncio.Event()
        self._told_at = clock()
        self.told_bytes = 0
        """To all jobs, since the beginning."""

    @property
    def jobs(self) -> int:
        """Connections of jobs."""
        return len(self._jobs)

    @property
    def unread_bytes(self) -> int:
        """That wait for jobs that do not read them."""
        return sum(job.transport.get_write_buffer_size() for job in self._jobs)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Asks and serves inside the block. Without a socket (no folder to write to, or another
        server there) it only asks: every call then keeps a scoreboard of its own."""
        async with AsyncExitStack() as stack:
            for roster in self._rosters.values():
                await stack.enter_async_context(roster.watching())
            try:
                listening = socket_file.listen(self._path)
            except OSError as error:
                _log.error("calls cannot share what is known of the workers: %s", error)
            else:
                number = socket_file.file_number(self._path)
                stack.callback(socket_file.remove, self._path, number)
                server = await asyncio.start_unix_server(
                    self._accept, sock=listening, limit=LONGEST_REPORT
                )
                stack.push_async_callback(self._end)
                stack.callback(server.close)
                await stack.enter_async_context(background(self._tell(), name="scoreboard"))
            yield

    async def _end(self) -> None:
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    # --- from the jobs

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._jobs) >= MOST_JOBS:
            writer.transport.abort()
            return
        connected = writer.get_extra_info("socket")
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MOST_UNREAD)
        job = _Job(writer, TokenBucket(REPORTS_PER_MINUTE, self._clock))
        if not self._jobs:  # nobody was told anything lately
            self._push()
        self._send_all(job)
        self._jobs.add(job)
        serving = asyncio.create_task(self._serve(job, reader), name="scoreboard-job")
        self._serving.add(serving)
        serving.add_done_callback(self._serving.discard)

    async def _serve(self, job: _Job, reader: asyncio.StreamReader) -> None:
        try:
            while (line := await reader.readline()).endswith(b"\n"):
                self._heed(job, parse_report(line))
                if job.budget.retry_after_s() is None:
                    await asyncio.sleep(0)  # to the others, however much this one has sent
                else:
                    await asyncio.sleep(1.0)
        except OSError:
            pass  # the job has ended
        except ValueError as error:
            _log.warning("a job talks nonsense and is cut off: %s", str(error)[:200])
        finally:
            self._forget(job)
            job.transport.abort()

    def _heed(self, job: _Job, report: Report) -> None:
        job.ack = report.n
        roster = self._rosters.get(report.kind)
        if roster is None:
            return
        if report.asked:
            roster.earn_hedge()
        if report.hedged:
            roster.hedges.owe()
            self._urgent.set()
        target = report.target
        if not target or not roster.knows(target):
            return
        before = roster.standing(target)
        if report.began:
            roster.begin(target)
        if report.calls is not None:
            self._count(job, report.kind, target, report.calls)
        if report.lost:
            roster.lost(target)
        if report.answered:
            roster.answered(target)
        if report.first_audio_s is not None:
            roster.sounded(target, report.first_audio_s)
        if roster.standing(target) != before:
            self._urgent.set()

    def _count(self, job: _Job, kind: Kind, target: str, calls: tuple[int, int]) -> None:
        before = job.calls.pop((kind, target), (0, 0))
        if calls != (0, 0) and len(job.calls) < MOST_TARGETS:
            job.calls[kind, target] = calls
        now = job.calls.get((kind, target), (0, 0))
        self._rosters[kind].count(target, now[0] - before[0], now[1] - before[1])

    def _forget(self, job: _Job) -> None:
        self._jobs.discard(job)
        for kind, target in list(job.calls):
            self._count(job, kind, target, (0, 0))

    # --- to the jobs

    async def _tell(self) -> None:
        """Urgent changes at once, others twice a second, that nothing is new every second."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(PUSH_EVERY_S):
                    await self._urgent.wait()
            self._urgent.clear()
            if self._jobs:
                self._push()
            await asyncio.sleep(SHORTEST_PAUSE_S)

    def _push(self) -> None:
        changed = {kind: pictures.changes() for kind, pictures in self._pictures.items()}
        now = self._clock()
        is_due = now - self._told_at >= ALIVE_EVERY_S
        boards = {kind: board for kind, board in changed.items() if board is not None}
        if not boards and not is_due:
            return
        self._told_at = now
        line = boards_json(boards)
        for job in self._jobs:
            if job.transport.is_closing():
                continue
            if job.transport.get_write_buffer_size() > MOST_UNREAD:
                self._wait_for(job, now)
            elif job.behind_since is not None:
                job.behind_since = None
                self._send_all(job)
            else:
                self._send(job, push_line(job.ack, full=False, boards=line))

    def _wait_for(self, job: _Job, now: float) -> None:
        if job.behind_since is None:
            job.behind_since = now
        elif now - job.behind_since > READS_AGAIN_WITHIN_S:
            _log.warning("a job reads nothing any more and is cut off")
            job.transport.abort()
            job.behind_since = now

    def _send_all(self, job: _Job) -> None:
        whole = boards_json({kind: pictures.whole() for kind, pictures in self._pictures.items()})
        self._send(job, push_line(job.ack, full=True, boards=whole))

    def _send(self, job: _Job, line: bytes) -> None:
        self.told_bytes += len(line)
        job.transport.write(line)

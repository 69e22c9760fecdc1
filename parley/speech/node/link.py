"""A job's line to its node's scoreboard: what comes is kept, what is seen is told; nobody waits."""

import asyncio
import logging
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Protocol, Self, Unpack

from parley.background import background
from parley.discovery.lease import Kind
from parley.speech.balancing.picker import Candidate
from parley.speech.node import socket_file
from parley.speech.node.wire import (
    LONGEST_TARGET,
    Board,
    Push,
    Report,
    Seen,
    parse_push,
    report_line,
)

FIRST_PUSH_S = 0.3
"""How long the beginning of a call waits for what the node knows; it comes in milliseconds."""
SILENT_S = 3.5
"""The server says something every second: one that is silent for longer hangs."""
LATE_S = 0.5
RETRY_S = 0.5
JITTER = 0.5
LONGEST_PUSH = 4 << 20
MOST_UNSENT = 64 << 10
"""Bytes of reports that a server has not taken: one that takes none hangs."""

_log = logging.getLogger(__name__)


class Follower(Protocol):
    """Who is told what becomes of the link."""

    def connected(self) -> None:
        """The server has told all it knows, and counts none of our calls."""

    def pushed(self, ack: int) -> None:
        """The tables hold what our reports up to `ack` have made of them."""

    def disconnected(self) -> None:
        """The tables stay as they are."""


class Table:
    """The workers of one kind as the node last told them."""

    def __init__(self) -> None:
        self.workers: dict[str, Candidate] = {}
        self.faults: dict[str, str] = {}
        self.hedges = 0.0
        self._voice_sets: dict[int, frozenset[str]] = {}

    def take(self, board: Board, *, full: bool) -> None:
        """Raises ValueError for a board that refers to what was never told."""
        if full:
            self.workers, self.faults, self._voice_sets = {}, {}, {}
        self._voice_sets.update(board.voice_sets)
        try:
            for row in board.rows:
                self.workers[row.target] = row.candidate(self._voice_sets)
                self.faults[row.target] = row.fault
        except KeyError as error:
            raise ValueError(f"no set of voices {error} was told") from error
        for target in board.gone:
            self.workers.pop(target, None)
            self.faults.pop(target, None)
        self.hedges = board.hedges


class NodeLink:
    """Use as an async context manager, inside the event loop of the call.

    Where there is no server, or one that hangs or talks nonsense, the link is `down` and comes
    back by itself.
    """

    def __init__(self, path: Path, *, random: Random | None = None) -> None:
        self._path = path
        self._random = random or Random()  # noqa: S311 - spreads load, keeps no secret
        self.tables: dict[Kind, Table] = {"synthesis": Table(), "recognition": Table()}
        self.up, self.down = asyncio.Event(), asyncio.Event()
        self.down.set()
        self._pushed, self._tried = asyncio.Event(), asyncio.Event()
        self._followers: list[Follower] = []
        self._transport: asyncio.WriteTransport | None = None
        self._reports = 0
        self._was_up = False
        self._running = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._running.enter_async_context(background(self._run(), name="node-link"))
        with suppress(TimeoutError):
            async with asyncio.timeout(FIRST_PUSH_S):
                await self._tried.wait()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._running.aclose()

    def follow(self, follower: Follower) -> None:
        self._followers.append(follower)

    async def pushed(self) -> None:
        """Waits for what the server says next."""
        await self._pushed.wait()

    def report(self, kind: Kind, target: str = "", **seen: Unpack[Seen]) -> int:
        """Tells the server, which does it later; returns the report's number, 0 while down."""
        transport = self._transport
        if transport is None or transport.is_closing() or not self.up.is_set():
            return 0
        if len(target) > LONGEST_TARGET:
            return 0
        if transport.get_write_buffer_size() > MOST_UNSENT:
            transport.abort()
            return 0
        self._reports += 1
        transport.write(report_line(Report(n=self._reports, kind=kind, target=target, **seen)))
        return self._reports

    async def _run(self) -> None:
        is_told = False
        while True:
            try:
                await self._follow()
            except (OSError, ValueError) as error:
                is_told = is_told and not self._was_up
                if not is_told:
                    _log.warning("the node's scoreboard is away, workers are asked here: %s", error)
                is_told, self._was_up = True, False
                self._tried.set()
            await asyncio.sleep(RETRY_S * self._random.uniform(1 - JITTER, 1 + JITTER))

    async def _follow(self) -> None:
        """From one connection's beginning to its end; raises OSError and ValueError."""
        connected = socket_file.connect(self._path)
        reader, writer = await asyncio.open_unix_connection(sock=connected, limit=LONGEST_PUSH)
        self._transport = writer.transport
        self._reports = 0
        try:
            while True:
                line = await self._line(reader)
                if not line.endswith(b"\n"):
                    raise ConnectionResetError("it has ended")
                self._take(parse_push(line))
        finally:
            self._transport = None
            writer.transport.abort()
            if self.up.is_set():
                self.up.clear()
                self.down.set()
                for follower in self._followers:
                    follower.disconnected()

    async def _line(self, reader: asyncio.StreamReader) -> bytes:
        """The next that the server says; raises TimeoutError where it hangs."""
        loop = asyncio.get_running_loop()
        while True:
            asked_at = loop.time()
            try:
                async with asyncio.timeout(SILENT_S):
                    return await reader.readline()
            except TimeoutError:
                if loop.time() - asked_at < SILENT_S + LATE_S:
                    raise TimeoutError(f"it has said nothing for {SILENT_S:g} s") from None
                # It was this process that hung: what has been said meanwhile is yet to be read.

    def _take(self, push: Push) -> None:
        if not self.up.is_set() and not push.full:
            raise ValueError("the server began in the middle")
        for kind, table in self.tables.items():
            if (board := push.boards.get(kind)) is not None:
                table.take(board, full=push.full)
        if not self.up.is_set():
            self.down.clear()
            self.up.set()
            self._was_up = True
            self._tried.set()
            for follower in self._followers:
                follower.connected()
        for follower in self._followers:
            follower.pushed(push.ack)
        self._pushed.set()
        self._pushed = asyncio.Event()

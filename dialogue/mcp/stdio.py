"""A child process that speaks MCP on its standard streams, ended with its whole process group.

The SDK's own stdio client passes more of the environment on, writes the child's log to ours
unread, and leaves what the child has started where the child ends by itself.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.client._transport import TransportStreams
from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter

PASSED_ON = ("PATH", "HOME")
LONGEST_LINE_BYTES = 16 * 1024 * 1024
GRACE_S = 1.0
"""For the child to end once its input is closed, and again after SIGTERM."""
GROUP_POLL_S = 0.02


class ProcessEndedError(Exception):
    """The child closed its output or ended."""


@asynccontextmanager
async def stdio_transport(
    command: Sequence[str], environment: Mapping[str, str], on_log_line: Callable[[str], None]
) -> AsyncIterator[TransportStreams]:
    """Runs `command` and gives the streams of its messages.

    The block is cancelled and ProcessEndedError raised, in a group, when the child ends by itself.
    Raises OSError where it cannot be started.
    """
    passed_on = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**passed_on, **environment},
        start_new_session=True,
        limit=LONGEST_LINE_BYTES,
    )
    try:
        to_us, received = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        sent, to_child = anyio.create_memory_object_stream[SessionMessage](0)
        closing = asyncio.Event()
        async with anyio.create_task_group() as tasks, to_us, received, sent, to_child:
            tasks.start_soon(_log_lines, process, on_log_line)
            tasks.start_soon(_write, process, to_child)
            tasks.start_soon(_read, process, to_us, closing)
            try:
                yield received, sent
            finally:
                closing.set()
                with anyio.CancelScope(shield=True):
                    await _end(process)
                tasks.cancel_scope.cancel()
    finally:
        # Whatever interrupted the shutdown: nothing of the child stays.
        _signal_group(process.pid, signal.SIGKILL)


async def _read(
    process: asyncio.subprocess.Process,
    to_us: MemoryObjectSendStream[SessionMessage | Exception],
    closing: asyncio.Event,
) -> None:
    assert process.stdout is not None
    while line := await process.stdout.readline():
        if not line.strip():
            continue
        try:
            message = jsonrpc_message_adapter.validate_json(line, by_name=False)
        except ValueError as error:
            await to_us.send(error)  # a server that prints is told of, and goes on
            continue
        await to_us.send(SessionMessage(message))
    if not closing.is_set():
        raise ProcessEndedError("it has ended")


async def _write(
    process: asyncio.subprocess.Process, to_child: MemoryObjectReceiveStream[SessionMessage]
) -> None:
    assert process.stdin is not None
    # A broken pipe is left to the reader, which sees the end of the output too.
    with suppress(ConnectionError):
        async for sent in to_child:
            line = sent.message.model_dump_json(by_alias=True, exclude_unset=True)
            process.stdin.write(line.encode() + b"\n")
            await process.stdin.drain()


async def _log_lines(
    process: asyncio.subprocess.Process, on_log_line: Callable[[str], None]
) -> None:
    assert process.stderr is not None
    while True:
        try:
            line = await process.stderr.readline()
        except ValueError:
            continue  # longer than any log line; asyncio has dropped it
        if not line:
            return
        on_log_line(line.decode(errors="replace").rstrip())


async def _end(process: asyncio.subprocess.Process) -> None:
    """Closes the child's input, then SIGTERM, then SIGKILL: to its group, and within two graces.

    A cancellation cuts the graces short; the child has ended all the same.
    """
    assert process.stdin is not None
    process.stdin.close()
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(GRACE_S):
                await process.wait()
        _signal_group(process.pid, signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(GRACE_S):
                # Nothing tells when a group has gone.
                while _signal_group(process.pid, 0):  # noqa: ASYNC110
                    await asyncio.sleep(GROUP_POLL_S)
    finally:
        _signal_group(process.pid, signal.SIGKILL)
        with suppress(TimeoutError):
            async with asyncio.timeout(GRACE_S):
                await process.wait()


def _signal_group(group: int, number: int) -> bool:
    """Whether the group had a member to send the signal to."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # macOS says so of members that have ended and are not yet collected
    return True

"""The line that is slowed: what the server says comes later, in order, and nothing is lost."""

import asyncio
import time

from testkit.slow_line import slow_line

DELAY_S = 0.3


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1024):
        writer.write(data)
    writer.close()


async def test_answers_are_late_by_no_less_than_was_set_and_complete() -> None:
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    target = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        with slow_line(target) as line:
            host, _, port = line.address.rpartition(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(b"at once")
            assert await reader.readexactly(7) == b"at once"
            line.delay_s = DELAY_S
            began_s = time.monotonic()
            sent = bytes(range(256)) * 1000
            writer.write(sent)
            assert await reader.readexactly(len(sent)) == sent
            assert time.monotonic() - began_s >= DELAY_S
            line.delay_s = 0.0
            writer.write_eof()
            assert await reader.read() == b""
            writer.close()


async def test_a_server_that_is_away_ends_the_connection() -> None:
    with slow_line("127.0.0.1:1") as line:
        host, _, port = line.address.rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        assert await reader.read() == b""
        writer.close()

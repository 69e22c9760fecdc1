"""Bytes sent to a port as they are: what no HTTP client would send."""

import asyncio


async def answered(port: int, data: bytes, *, within_s: float) -> bytes:
    """All that is answered until the connection ends; raises TimeoutError where it does not."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    try:
        async with asyncio.timeout(within_s):
            return await reader.read()
    except ConnectionResetError:
        return b""
    finally:
        writer.close()

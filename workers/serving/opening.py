"""The message that opens a call: both services wait for it, and for nothing else, in one way."""

import asyncio
from collections.abc import AsyncIterator
from typing import TypeVar

from parley.rpc.v1 import recognition_pb2, synthesis_pb2
from workers.serving.errors import deadline_exceeded, invalid_argument

OPEN_WAIT_S = 10.0

Request = TypeVar("Request", recognition_pb2.RecognizeRequest, synthesis_pb2.SynthesizeRequest)


async def read_open(requests: AsyncIterator[Request]) -> Request:
    """The first message, which is an `open`.

    Raises CallError: DEADLINE_EXCEEDED when none comes for 10 s, INVALID_ARGUMENT for another.
    """
    try:
        async with asyncio.timeout(OPEN_WAIT_S):
            request = await anext(requests, None)
    except TimeoutError:
        raise deadline_exceeded(
            f"no open message came for {OPEN_WAIT_S:.0f} s", reason="OPEN_TIMEOUT"
        ) from None
    if request is None or request.WhichOneof("message") != "open":
        came = "nothing" if request is None else request.WhichOneof("message") or "an empty one"
        raise invalid_argument("message", f"the first message must be open, {came} came")
    return request

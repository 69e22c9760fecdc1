"""What LiveKit's playground asks of the framework's session: it may look, and no more."""

import asyncio
from collections.abc import Callable
from typing import Any, Self

from google.protobuf.message import DecodeError
from livekit import rtc
from livekit.agents import AgentSession
from livekit.agents.voice.remote_session import (
    TOPIC_SESSION_MESSAGES,
    SessionHost,
    SessionTransport,
)
from livekit.protocol.agent_pb import agent_session as messages

from parley.token_bucket import TokenBucket

LOOKS = frozenset(
    {
        "ping",
        "get_agent_info",
        "get_chat_history",
        "get_framework_info",
        "get_session_state",
        "get_session_usage",
    }
)
"""The requests that are answered: what they tell, the person of the call has heard or said already.
Statistics have addresses of the agent's machine in them; the others would act, past the limits of
`lk.chat` and of the microphone."""
WITHHELD = frozenset({"debug_message", "error"})
"""Events with the framework's own words: addresses may be in them. `parley.events` tells people
what fails."""
REFUSAL = "panels may look here, and not act: what is typed goes to lk.chat"
LARGEST_REQUEST_BYTES = 4096
REQUESTS_PER_MINUTE = 120


class Panels(SessionTransport):
    """Answers the panels of the one participant whom the agent talks with.

    Nothing follows the session before the first request: a call without panels costs nothing.
    `serve` it once the session runs, `aclose` it at the end.
    """

    def __init__(
        self, session: AgentSession[Any], room: rtc.Room, *, talks_with: Callable[[str], bool]
    ) -> None:
        """`talks_with`: whether a participant is that person, by identity."""
        self._session = session
        self._room = room
        self._talks_with = talks_with
        self._host: SessionHost | None = None
        self._asker = ""
        self._requests: asyncio.Queue[messages.AgentSessionMessage] = asyncio.Queue()
        self._reading: set[asyncio.Task[None]] = set()
        self._budget = TokenBucket(REQUESTS_PER_MINUTE)

    def serve(self) -> Self:
        """Begins to listen; the room must be connected."""
        self._room.register_byte_stream_handler(TOPIC_SESSION_MESSAGES, self._on_stream)
        return self

    async def aclose(self) -> None:
        self._room.unregister_byte_stream_handler(TOPIC_SESSION_MESSAGES)
        for task in self._reading:
            task.cancel()
        await asyncio.gather(*self._reading, return_exceptions=True)
        if self._host is not None:
            await self._host.aclose()

    # --- what the framework's host calls

    async def start(self) -> None:
        """It has been listening already."""

    async def send_message(self, msg: messages.AgentSessionMessage) -> None:
        """To the panels that asked last; nothing where the room is gone."""
        if msg.HasField("event") and msg.event.WhichOneof("event") in WITHHELD:
            return
        if self._room.isconnected():
            await self._room.local_participant.send_bytes(
                msg.SerializeToString(),
                name="panels",
                topic=TOPIC_SESSION_MESSAGES,
                destination_identities=[self._asker],
            )

    async def close(self) -> None:
        """`aclose` does it."""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> messages.AgentSessionMessage:
        return await self._requests.get()

    # --- what comes from the room

    def _on_stream(self, reader: rtc.ByteStreamReader, identity: str) -> None:
        if not self._talks_with(identity) or self._budget.retry_after_s() is not None:
            reader.close()
            return
        task = asyncio.create_task(self._answer(reader, identity), name="panel-request")
        self._reading.add(task)
        task.add_done_callback(self._reading.discard)

    async def _answer(self, reader: rtc.ByteStreamReader, identity: str) -> None:
        try:
            message = messages.AgentSessionMessage()
            message.ParseFromString(await _whole(reader))
            if message.HasField("request"):
                self._asker = identity
                await self._take(message)
        except (rtc.StreamError, DecodeError):
            return  # who asked has gone, or never spoke the protocol
        finally:
            reader.close()

    async def _take(self, message: messages.AgentSessionMessage) -> None:
        request = message.request
        if request.WhichOneof("request") not in LOOKS:
            refusal = messages.SessionResponse(request_id=request.request_id, error=REFUSAL)
            await self.send_message(messages.AgentSessionMessage(response=refusal))
            return
        if self._host is None:
            self._host = host = SessionHost(self)
            host.register_session(self._session)
            await host.start()
        self._requests.put_nowait(message)


async def _whole(reader: rtc.ByteStreamReader) -> bytes:
    """What was sent; nothing of a request that is longer than any honest one."""
    data = bytearray()
    async for chunk in reader:
        data += chunk
        if len(data) > LARGEST_REQUEST_BYTES:
            return b""
    return bytes(data)

"""WS /orchestrate: one conversation, as it is spoken by somebody else's speech front end."""

import asyncio
import contextlib
import logging
import re
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query, WebSocket
from starlette.websockets import WebSocketDisconnect, WebSocketState

from dialogue.orchestration.desk import DeskError, DeskFullError
from dialogue.orchestration.holding import talking
from dialogue.orchestration.outputs import Problem
from dialogue.orchestration.parts import SessionForbiddenError, TalkParts
from dialogue.orchestration.talk import Talk, TalkOptions
from gateway.orchestrate.flood import FloodError, FloodGate
from gateway.orchestrate.frames import FrameError, as_event, parsed, spoken_at_s
from gateway.orchestrate.outlet import FrameWishes, SocketOutlet
from parley.telemetry import logs

NORMAL, POLICY, TRY_LATER = 1000, 1008, 1013
TAKEN_OVER = 4001
"""Another connection has the session now."""
DRAIN_WITHIN_S = 1.0
SESSION_ID = re.compile(r"[\w.:@-]{1,128}")

_log = logging.getLogger(__name__)

Authorize = Callable[[WebSocket], Awaitable[str | None]]
"""Whose key the client has shown, empty where nobody asks; None: it may not come in."""


class SocketRoutes:
    """`parts` are asked for with each connection: they are there once the application runs."""

    def __init__(
        self, parts: Callable[[], TalkParts], *, buffer_size: int, authorize: Authorize
    ) -> None:
        self._parts = parts
        self._buffer_size = buffer_size
        self._authorize = authorize

    def add_to(self, router: APIRouter) -> None:
        router.add_api_websocket_route("/orchestrate", self._serve)

    async def _serve(
        self,
        websocket: WebSocket,
        session_id: Annotated[str, Query()] = "",
        user_id: Annotated[str, Query()] = "",
        language: Annotated[str, Query()] = "",
        stream: Annotated[bool, Query()] = False,
        states: Annotated[bool, Query()] = False,
        audio: Annotated[bool, Query()] = False,
        errors: Annotated[bool, Query()] = False,
    ) -> None:
        session_id = session_id or uuid.uuid4().hex
        owner = await self._authorize(websocket)
        await websocket.accept()
        if owner is None:
            return await websocket.close(POLICY, "a ticket or a key is needed")
        if not SESSION_ID.fullmatch(session_id):
            return await websocket.close(
                POLICY, "session_id: 1 to 128 letters, digits and . : @ _ -"
            )
        wishes = FrameWishes(stream=stream, states=states, audio=audio, errors=errors)
        outlet = SocketOutlet(websocket, session_id, wishes, buffer_size=self._buffer_size)
        options = TalkOptions(streams=stream, speaks=audio, language=language[:20])
        code, why = NORMAL, ""
        try:
            with logs.bound(session=session_id):
                code, why = await self._talk(websocket, session_id, outlet, options, user_id, owner)
        except DeskFullError as error:
            code, why = TRY_LATER, f"{error}: come back in {error.retry_after_s} s"
        except DeskError as error:
            code, why = TRY_LATER, str(error)
        except SessionForbiddenError as error:
            code, why = POLICY, str(error)
        if websocket.client_state is WebSocketState.CONNECTED:
            with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                await websocket.close(code, why[:120])

    async def _talk(
        self,
        websocket: WebSocket,
        session_id: str,
        outlet: SocketOutlet,
        options: TalkOptions,
        user: str,
        owner: str,
    ) -> tuple[int, str]:
        """The code that the connection is closed with, and why."""
        parts = self._parts()
        with parts.metrics.active_sessions.track_inprogress():
            async with talking(parts, session_id, outlet, options, user=user, owner=owner) as talk:
                tasks: dict[asyncio.Task[Any], tuple[int, str]] = {
                    asyncio.create_task(outlet.run(), name="write frames"): (NORMAL, ""),
                    asyncio.create_task(self._read(websocket, talk, outlet)): (NORMAL, ""),
                    asyncio.create_task(talk.lost.wait()): (TAKEN_OVER, "taken over"),
                    asyncio.create_task(talk.ended.wait()): (NORMAL, "the agent has hung up"),
                    asyncio.create_task(outlet.overran.wait()): (POLICY, "frames are not read"),
                }
                try:
                    await talk.begin()
                    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                    if talk.ended.is_set():
                        await outlet.drain(within_s=DRAIN_WITHIN_S)
                    return _outcome(tasks, done)
                finally:
                    for task in tasks:
                        task.cancel()
                    await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self, websocket: WebSocket, talk: Talk, outlet: SocketOutlet) -> None:
        """Raises WebSocketDisconnect when the client is gone, FloodError where it floods."""
        gate = FloodGate()
        metrics = self._parts().metrics
        while True:
            message = await websocket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message.get("code", NORMAL))
            await gate.pass_one()
            try:
                text = message.get("text")
                if text is None:
                    raise FrameError("not_json", "a message must be a text frame with JSON")
                frame = parsed(text, session_id=talk.session_id)
            except FrameError as error:
                metrics.failed(error.code)
                await outlet.give(Problem(error.code, str(error)))
                continue
            event = as_event(frame, at_s=time.time())
            await talk.take(event, spoken_at_s=spoken_at_s(frame))


def _outcome(
    tasks: dict[asyncio.Task[Any], tuple[int, str]], done: set[asyncio.Task[Any]]
) -> tuple[int, str]:
    """Of what has ended at once, what the client has to know. Raises what is our own fault."""
    for task in done:
        error = task.exception()
        if isinstance(error, FloodError):
            return POLICY, "too many messages"
        if error is not None and not isinstance(error, WebSocketDisconnect | RuntimeError):
            raise error
    return max(tasks[task] for task in done)

"""The routes of chats: the WebSocket, a session's state, uploads, and who is connected."""

import asyncio
import logging
import re
import time
import uuid
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, WebSocket
from pydantic import BaseModel, ConfigDict, JsonValue
from starlette.requests import HTTPConnection
from starlette.websockets import WebSocketDisconnect

from gateway.chat.open_chats import ChatsFullError, HeldChat, OpenChat
from gateway.chat.service import ChatService
from gateway.chat.socket import MESSAGES_PER_MINUTE, ChatSocket, close
from gateway.errors import ApiError
from gateway.identity import who_asks
from gateway.rate_limit import RateLimit
from parley.app.app_service import AppService, MediaRefusedError
from parley.app.session import AgentSaid, PersonSaid
from parley.budgets import in_words
from parley.errors import ConfigurationError, ParleyError
from parley.telemetry import logs

UPLOADS = "/api/v1/media"
LARGEST_UPLOAD_BYTES = 16 * 1024 * 1024
LONGEST_USER_ID = 128
WRONG_REQUEST, NOT_YOURS, TAKEN_OVER, UNAVAILABLE, NO_KEY = 4400, 4404, 4409, 1013, 1008

_log = logging.getLogger(__name__)

_SESSION_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")


class ChatSessionState(BaseModel):
    """GET /api/v1/sessions/{session_id}."""

    model_config = ConfigDict(frozen=True)

    session_id: str
    user_id: str
    created_at_s: float
    """Seconds since 1970."""
    messages: list[dict[str, str]]
    """What was said: "role" is "user" or "assistant", "content" the text."""
    request: dict[str, JsonValue]
    """The latest request, as the app keeps it; empty: it keeps none."""


class ConnectionList(BaseModel):
    """GET /debug/connections."""

    model_config = ConfigDict(frozen=True)

    count: int
    connections: list[OpenChat]


Admits = Callable[[WebSocket], Awaitable[bool]]
"""Whether a client may come in."""
Spends = Callable[[HTTPConnection], Awaitable[int | None]]
"""Takes one message, or upload, of a client's budget: None, or the seconds to wait."""


async def everybody(_: WebSocket) -> bool:
    return True


async def without_budget(_: HTTPConnection) -> int | None:
    return None


def chat_routes(
    service: ChatService, *, admits: Admits = everybody, spends: Spends = without_budget
) -> "ChatRoutes":
    """As the settings of the service want them."""
    settings = service.settings
    return ChatRoutes(
        service,
        uploads=settings.telemetry.environment == "development",
        debug=settings.chat.debug,
        admits=admits,
        spends=spends,
    )


class ChatRoutes:
    """`uploads`: pictures and recordings are taken here (in development); `debug`: who is
    connected may be asked; `admits`: who may open a chat; `spends`: what its messages and uploads
    are on."""

    def __init__(
        self,
        service: ChatService,
        *,
        uploads: bool,
        debug: bool,
        admits: Admits = everybody,
        spends: Spends = without_budget,
    ) -> None:
        self._service = service
        self._admits = admits
        self._spends = spends
        self._uploads = uploads
        self._upload_rate = RateLimit(per_minute=MESSAGES_PER_MINUTE, clock=service.clock)
        self._debug = debug

    def router(self) -> APIRouter:
        router = APIRouter()
        router.add_api_websocket_route("/ws/chat", self._chat)
        router.add_api_route("/api/v1/sessions/{session_id}", self._session)
        if self._uploads:
            router.add_api_route(
                UPLOADS, self._upload, methods=["POST"], status_code=HTTPStatus.CREATED
            )
        if self._debug:
            router.add_api_route("/debug/connections", self._connections)
        return router

    async def _chat(
        self,
        websocket: WebSocket,
        user_id: Annotated[str, Query()] = "",
        session_id: Annotated[str, Query()] = "",
    ) -> None:
        await websocket.accept()  # a code of ours reaches only who is connected
        if not await self._admits(websocket):
            return await close(websocket, NO_KEY, "a ticket or a key is needed")
        if not user_id.strip() or len(user_id) > LONGEST_USER_ID:
            return await close(websocket, WRONG_REQUEST, "user_id is missing or too long")
        is_new, session_id = not session_id, session_id or uuid.uuid4().hex
        if not _SESSION_ID.fullmatch(session_id):
            return await close(websocket, WRONG_REQUEST, "session_id: letters, digits, - and _")
        try:
            await self._service.app()
            async with self._service.opening:
                may_have = is_new or await self._may_have(session_id, user_id)
            if not may_have:
                return await close(websocket, NOT_YOURS, "there is no such session")
            async with self._service.chats.holding(session_id, user_id) as held:
                with (
                    logs.bound(session=session_id),
                    self._service.metrics.connections.track_inprogress(),
                ):
                    await self._talk(websocket, held, is_new=is_new)
        except WebSocketDisconnect:
            _log.info("a client has left before its chat began")
        except ChatsFullError:
            await close(websocket, UNAVAILABLE, "all places are taken: come back in 30 s")
        except (ParleyError, TimeoutError) as error:  # the app, or the store of sessions
            await close(websocket, UNAVAILABLE, str(error) or "the session is still held")

    async def _talk(self, websocket: WebSocket, held: HeldChat, *, is_new: bool) -> None:
        from dialogue.opening import conversing  # noqa: PLC0415 - a gateway may have no chats
        from dialogue.sessions.store import SessionRecord  # noqa: PLC0415
        from dialogue.text_front import TextFront  # noqa: PLC0415

        service = self._service
        app, _ = await service.app()
        record = SessionRecord(
            id=held.session_id,
            channel="text",
            user=held.user_id,
            language=service.settings.asr.language,
            began_at_s=time.time(),
        )
        async with AsyncExitStack() as open_chat:
            async with service.opening:
                conversation = await open_chat.enter_async_context(
                    conversing(
                        app,
                        record,
                        service.settings,
                        client=service.client,
                        store=service.store,
                        models=service.models,
                        is_new=is_new,
                    )
                )
            if conversation.session.user != held.user_id:  # made by another in between
                return await close(websocket, NOT_YOURS, "there is no such session")
            front = TextFront(
                conversation, default_greeting=service.settings.agent.greeting, clock=service.clock
            )
            chat = ChatSocket(
                websocket,
                front,
                held,
                service.metrics,
                spends=partial(self._spends, websocket),
                clock=service.clock,
            )
            tasks = [
                asyncio.create_task(chat.run(), name="chat"),
                asyncio.create_task(held.taken_over.wait(), name="chat-taken-over"),
            ]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                ended = await asyncio.gather(*tasks, return_exceptions=True)
        if held.taken_over.is_set():
            await close(websocket, TAKEN_OVER, "another connection has the session")
        else:
            await close(websocket, 1000, "")
        if isinstance(ended[0], Exception):
            raise ended[0]

    async def _session(
        self, session_id: str, user_id: Annotated[str, Query()] = ""
    ) -> ChatSessionState:
        """Whose session it is may see it; to all others it is not there."""
        app_service = await self._app_service()
        try:
            stored = await self._service.store.load(session_id)
        except ParleyError as error:
            raise ApiError(HTTPStatus.SERVICE_UNAVAILABLE, "store_away", str(error)) from error
        if stored is None or not user_id or stored.record.user != user_id:
            raise ApiError(HTTPStatus.NOT_FOUND, "no_session", "there is no such session")
        request: dict[str, Any] = {}
        if app_service is not None:
            request = dict(await app_service.session_state(session_id))
        said = [
            {
                "role": "user" if isinstance(entry, PersonSaid) else "assistant",
                "content": entry.text,
            }
            for entry in stored.entries
            if isinstance(entry, PersonSaid | AgentSaid) and entry.text
        ]
        return ChatSessionState(
            session_id=session_id,
            user_id=user_id,
            created_at_s=stored.record.began_at_s,
            messages=said,
            request=request,
        )

    async def _upload(self, request: Request) -> dict[str, JsonValue]:
        """The body is the file; what it is, is judged by its content."""
        app_service = await self._app_service()
        if app_service is None:
            raise ApiError(HTTPStatus.NOT_FOUND, "no_media", "this app takes no uploads")
        await self._spend_upload(request)
        try:
            media = await app_service.take_media(await request.body())
        except MediaRefusedError as error:
            raise ApiError(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "media_refused", str(error)
            ) from error
        return {
            "media_type": media.media_type,
            "s3_key": media.key,
            "content_type": media.content_type,
            "size_bytes": media.size_bytes,
        }

    async def _spend_upload(self, request: Request) -> None:
        """As a message of the same client; raises ApiError."""
        if (wait_s := self._upload_rate.retry_after_s(who_asks(request))) is not None:
            raise ApiError(
                HTTPStatus.TOO_MANY_REQUESTS,
                "rate_limited",
                f"Too many uploads: try again in {wait_s} s.",
                retry_after_s=wait_s,
            )
        if (wait_s := await self._spends(request)) is not None:
            raise ApiError(
                HTTPStatus.TOO_MANY_REQUESTS,
                "budget_spent",
                f"You have sent as many messages as you may: try again in {in_words(wait_s)}.",
                retry_after_s=wait_s,
            )

    async def _connections(self) -> ConnectionList:
        chats = self._service.chats
        return ConnectionList(count=chats.count, connections=chats.shown())

    async def _app_service(self) -> AppService | None:
        try:
            return (await self._service.app())[1]
        except ConfigurationError as error:
            status = HTTPStatus.SERVICE_UNAVAILABLE
            raise ApiError(status, "app_unavailable", "this gateway has no chats") from error

    async def _may_have(self, session_id: str, user_id: str) -> bool:
        stored = await self._service.store.load(session_id)
        return stored is None or stored.record.user == user_id

"""One chat: messages in, the frames of their answers out, until the client leaves."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING

from pydantic import JsonValue
from starlette.websockets import WebSocket, WebSocketDisconnect

from gateway.chat.frames import (
    AnswerFrames,
    ChatMessage,
    ChatMessageError,
    error_frame,
    frame,
    parsed_message,
)
from gateway.chat.open_chats import HeldChat
from parley.app.app_service import Media
from parley.app.events import HangUp, Results, TextDelta
from parley.budgets import in_words, without_limit
from parley.clock import Clock, monotonic
from parley.telemetry.chat import ChatMetrics
from parley.token_bucket import TokenBucket

if TYPE_CHECKING:
    from dialogue.text_front import TextFront

MESSAGES_PER_MINUTE = 30
SENT_WITHIN_S = 20.0
"""For a client to take a frame."""
WELCOME = "Hello."
WELCOME_BACK = "Welcome back."

_log = logging.getLogger(__name__)


class ChatSocket:
    """`run` serves it. A message that comes while another is being answered takes its place: the
    answer is cut off where it is."""

    def __init__(
        self,
        websocket: WebSocket,
        front: "TextFront",
        held: HeldChat,
        metrics: ChatMetrics,
        *,
        spends: Callable[[], Awaitable[int | None]] = without_limit,
        clock: Clock = monotonic,
    ) -> None:
        self._websocket = websocket
        self._front = front
        self._held = held
        self._metrics = metrics
        self._clock = clock
        self._spends = spends
        self._budget = TokenBucket(MESSAGES_PER_MINUTE, clock)
        self._sending = asyncio.Lock()
        self._answering: asyncio.Task[bool] | None = None

    async def run(self) -> None:
        """Returns when the client has left, or the agent has hung up."""
        is_new = not self._front.conversation.session.log.entries
        message = await self._front.greet() or (WELCOME if is_new else WELCOME_BACK)
        session_id = self._front.conversation.session.id
        await self._send(frame("connected", {"session_id": session_id, "message": message}))
        try:
            if not is_new and await self._front.conversation.has_unfinished():
                self._answer("", ())
            async for said in self._messages():
                await self._stop()
                self._held.messages += 1
                self._answer(said.message, [each.as_media() for each in said.media])
        finally:
            await self._stop()

    async def _messages(self) -> AsyncIterator[ChatMessage]:
        """Those that can be answered; of the others the client is told why not."""
        while (text := await self._received()) is not None:
            if (wait_s := self._budget.retry_after_s()) is not None:
                why = f"Too many messages: try again in {wait_s} s."
                await self._send(error_frame("rate_limited", why, retryable=True))
                continue
            try:
                message = parsed_message(text)
            except ChatMessageError as error:
                await self._send(error_frame("validation_error", str(error), retryable=False))
                continue
            if (wait_s := await self._spends()) is not None:
                why = f"You have sent as many messages as you may: try again in {in_words(wait_s)}."
                await self._send(error_frame("budget_spent", why, retryable=True))
                continue
            yield message

    async def _received(self) -> str | None:
        """The next text; None once there will be none: the client or the agent has ended it."""
        reading = asyncio.create_task(self._websocket.receive())
        try:
            while True:
                waited: set[asyncio.Task[object]] = {reading}
                if self._answering is not None and not self._answering.done():
                    waited.add(self._answering)
                await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
                if self._answering is not None and self._answering.done():
                    task, self._answering = self._answering, None
                    if task.result():
                        return None
                if reading.done():
                    break
            message = reading.result()
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
        if message["type"] == "websocket.disconnect":
            return None
        return str(message.get("text") or "")

    def _answer(self, text: str, media: list[Media] | tuple[()]) -> None:
        self._held.answering = True
        self._answering = asyncio.create_task(self._answered(text, media), name="chat-answer")

    async def _answered(self, text: str, media: list[Media] | tuple[()]) -> bool:
        """Whether the agent has hung up."""
        asked_s, frames, hangs_up = self._clock(), AnswerFrames(), False
        first, outcome = True, "replaced"
        try:
            async with aclosing(self._front.answer(text, media=media)) as events:
                async for event in events:
                    hangs_up |= isinstance(event, HangUp)
                    if isinstance(event, TextDelta) and first:
                        first = False
                        self._metrics.first_token_s.observe(self._clock() - asked_s)
                    if isinstance(event, Results):
                        self._metrics.results_s.observe(self._clock() - asked_s)
                    for each in frames.of(event):
                        await self._send(each)
            outcome = frames.outcome
            self._metrics.answer_s.observe(self._clock() - asked_s)
        except (WebSocketDisconnect, RuntimeError, TimeoutError) as error:
            _log.info("a chat's client does not take its frames: %s", error)
            outcome, hangs_up = "gone", True
        finally:
            self._held.answering = False
            self._metrics.messages.labels(outcome).inc()
        return hangs_up

    async def _stop(self) -> None:
        """Cuts the running answer off, and waits until nothing of it runs."""
        if (task := self._answering) is not None:
            self._answering = None
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _send(self, content: Mapping[str, JsonValue]) -> None:
        async with self._sending, asyncio.timeout(SENT_WITHIN_S):
            await self._websocket.send_json(content)


async def close(websocket: WebSocket, code: int, why: str) -> None:
    """Closes it, where it is not closed."""
    with contextlib.suppress(RuntimeError, WebSocketDisconnect):
        await websocket.close(code, why[:120])

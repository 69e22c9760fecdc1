"""POST /orchestrate: one turn of a session, as JSON or as server-sent events."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator

from dialogue.orchestration.desk import DeskError, DeskFullError, SessionHeldError
from dialogue.orchestration.holding import talking
from dialogue.orchestration.latency import LatencyBreakdown
from dialogue.orchestration.outputs import Problem, Responded, Streamed, TalkOutput
from dialogue.orchestration.parts import SessionForbiddenError, TalkParts
from dialogue.orchestration.states import AnswerSpoken, FragmentCame, PersonSpeaks, SpeechEnded
from dialogue.orchestration.talk import Talk, TalkOptions
from gateway.errors import ApiError
from gateway.orchestrate.frames import MAX_TEXT, Frame, breakdown, rendered_event
from parley.app.events import ApprovalPending

EVENT_STREAM = "text/event-stream"
WAIT_FOR_SESSION_S = 3.0
"""A session takes one turn after the other: how long the next waits for the one before it."""
ASK_AGAIN_S = 0.05
RETRY_AFTER_S = 2

OwnerOf = Callable[[Request], Awaitable[str]]
"""Whose key was shown; empty where nobody asks. Raises ApiError."""


class TurnRequest(BaseModel):
    """One turn."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"user_id": "42", "session_id": "s-1", "message": "When do you open on Sunday?"}
            ]
        }
    )

    user_id: str = Field("", max_length=128, description="a number is taken as text")
    session_id: str = Field("", max_length=128, pattern=r"^[\w.:@-]*$", description="empty: new")
    message: str = Field(min_length=1, max_length=MAX_TEXT)

    @field_validator("user_id", "session_id", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @field_validator("message")
    @classmethod
    def _says_something(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("a message must say something")
        return value


class LatencyAnswer(BaseModel):
    """In milliseconds."""

    stt_ms: float
    intent_ms: float
    rag_ms: float
    parallel_ms: float
    llm_ms: float
    tts_ms: float
    total_ms: float


class ExperimentAnswer(BaseModel):
    """The experiment that the user is in."""

    experiment_id: str
    variant_name: str


class ApprovalAnswer(BaseModel):
    """What somebody has to approve before it is done."""

    approval_id: str
    tool: str
    arguments: dict[str, JsonValue] = {}


class TurnAnswer(BaseModel):
    """What the turn came to."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "session_id": "s-1",
                    "response": "On Sunday we open at ten.",
                    "intent": "opening_hours",
                    "sources": ["hours.md"],
                    "latency_breakdown": {
                        "stt_ms": 0,
                        "intent_ms": 12.1,
                        "rag_ms": 9.4,
                        "parallel_ms": 12.6,
                        "llm_ms": 181.0,
                        "tts_ms": 0,
                        "total_ms": 195.2,
                    },
                }
            ]
        }
    )

    session_id: str
    response: str
    intent: str
    sources: list[str]
    latency_breakdown: LatencyAnswer
    experiment: ExperimentAnswer | None = None
    approval: ApprovalAnswer | None = None


class _Collected:
    """A TalkOutlet that keeps what an HTTP answer is made of."""

    def __init__(self) -> None:
        self.frames: asyncio.Queue[Frame] = asyncio.Queue()
        self.response: asyncio.Future[Responded] = asyncio.get_running_loop().create_future()
        self.approval: ApprovalAnswer | None = None
        self.experiment: ExperimentAnswer | None = None

    async def give(self, output: TalkOutput) -> None:
        match output:
            case Responded() if not output.again and not self.response.done():
                self.response.set_result(output)
            case Problem(code, message, retryable):
                self.frames.put_nowait(
                    {"type": "error", "code": code, "message": message, "retryable": retryable}
                )
            case Streamed(_, event):
                if isinstance(event, ApprovalPending):
                    self.approval = ApprovalAnswer(
                        approval_id=event.approval_id,
                        tool=event.tool,
                        arguments=dict(event.arguments),
                    )
                if (frame := rendered_event(event)) is not None:
                    self.frames.put_nowait(frame)

    def drop_voice(self) -> None:
        """There is none."""


class TurnRoutes:
    """`parts` are asked for with each turn: they are there once the application runs."""

    def __init__(
        self,
        parts: Callable[[], TalkParts],
        *,
        owner_of: OwnerOf,
        experiment_of: Callable[[str], Awaitable[ExperimentAnswer | None]],
    ) -> None:
        self._parts = parts
        self._owner_of = owner_of
        self._experiment_of = experiment_of
        self._closing: set[asyncio.Task[None]] = set()
        """Turns whose clients have left."""

    async def aclose(self) -> None:
        """Returns once the turns that clients have left are closed."""
        await asyncio.gather(*self._closing, return_exceptions=True)

    def add_to(self, router: APIRouter) -> None:
        async def orchestrate(
            turn: TurnRequest, request: Request, owner: Annotated[str, Depends(self._owner_of)]
        ) -> Response:
            return await self._orchestrate(turn, request, owner)

        router.add_api_route(
            "/orchestrate",
            orchestrate,
            methods=["POST"],
            response_model=TurnAnswer,
            response_model_exclude_none=True,
            summary="One turn of a session",
            responses={
                200: {"content": {EVENT_STREAM: {"schema": {"type": "string"}}}},
                404: {"description": "the session is another user's"},
                409: {"description": "somebody talks in the session over a WebSocket"},
                503: {"description": "as many sessions as may be are held; see Retry-After"},
            },
        )

    async def _orchestrate(self, turn: TurnRequest, request: Request, owner: str) -> Response:
        opened = AsyncExitStack()
        try:
            collected, talk = await self._opened(turn, owner, opened)
        except BaseException:
            await opened.aclose()
            raise
        if EVENT_STREAM in request.headers.get("accept", ""):
            return StreamingResponse(
                self._streamed(turn, talk, collected, opened), media_type=EVENT_STREAM
            )
        async with opened:
            responded = await self._turn(turn, talk, collected)
            answer = _answer(talk, responded, collected)
        return Response(answer.model_dump_json(exclude_none=True), media_type="application/json")

    async def _opened(
        self, turn: TurnRequest, owner: str, opened: AsyncExitStack
    ) -> tuple[_Collected, Talk]:
        parts, collected = self._parts(), _Collected()
        session_id = turn.session_id or uuid.uuid4().hex
        options = TalkOptions(streams=True)
        give_up_s = parts.clock() + WAIT_FOR_SESSION_S
        while True:
            try:
                talk = await opened.enter_async_context(
                    talking(
                        parts,
                        session_id,
                        collected,
                        options,
                        user=turn.user_id,
                        owner=owner,
                        takes_over=False,
                    )
                )
                return collected, talk
            except SessionHeldError as error:
                if parts.clock() > give_up_s:
                    raise ApiError(
                        HTTPStatus.CONFLICT,
                        "session_in_use",
                        str(error),
                        retry_after_s=RETRY_AFTER_S,
                    ) from None
                await asyncio.sleep(ASK_AGAIN_S)
            except DeskFullError as error:
                raise ApiError(
                    HTTPStatus.SERVICE_UNAVAILABLE,
                    "too_many_sessions",
                    str(error),
                    retry_after_s=error.retry_after_s,
                ) from None
            except DeskError as error:
                raise ApiError(
                    HTTPStatus.SERVICE_UNAVAILABLE,
                    "sessions_unavailable",
                    str(error),
                    retry_after_s=RETRY_AFTER_S,
                ) from None
            except SessionForbiddenError as error:
                raise ApiError(HTTPStatus.NOT_FOUND, "not_found", str(error)) from None

    async def _turn(self, turn: TurnRequest, talk: Talk, collected: _Collected) -> Responded:
        """Whatever was being said is over; what is answered here is shown, and so heard."""
        metrics = self._parts().metrics
        # Now: it may be stopped before the answer is there that it has changed.
        collected.experiment = await self._experiment_of(turn.user_id)
        with metrics.active_sessions.track_inprogress():
            await talk.take(PersonSpeaks(time.time()))
            await talk.take(FragmentCame(time.time(), turn.message, True))
            await talk.take(SpeechEnded(time.time()))
            responded = await collected.response
            await talk.take(AnswerSpoken(time.time()))
        return responded

    async def _streamed(
        self,
        turn: TurnRequest,
        talk: Talk,
        collected: _Collected,
        opened: AsyncExitStack,
    ) -> AsyncGenerator[str]:
        """A client that leaves cancels the answer."""
        answering = asyncio.create_task(self._turn(turn, talk, collected), name="answer")
        getting: asyncio.Task[Frame] | None = None
        try:
            while not answering.done() or not collected.frames.empty():
                getting = getting or asyncio.create_task(collected.frames.get())
                await asyncio.wait({answering, getting}, return_when=asyncio.FIRST_COMPLETED)
                if getting.done():
                    yield _event(getting.result())
                    getting = None
            answer = _answer(talk, await answering, collected)
            whole = json.loads(answer.model_dump_json(exclude_none=True))
            yield _event({"type": "response", **whole})
        finally:
            # For a client that has left, Starlette cancels each wait of this generator, of what it
            # does at its end as well: another task ends the turn.
            closing = asyncio.create_task(_closed(opened, answering, getting), name="close a turn")
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
            await asyncio.shield(closing)


def _answer(talk: Talk, responded: Responded, collected: _Collected) -> TurnAnswer:
    latency: LatencyBreakdown = responded.latency
    return TurnAnswer(
        session_id=talk.session_id,
        response=responded.text,
        intent=responded.intent,
        sources=list(responded.sources),
        latency_breakdown=LatencyAnswer.model_validate(breakdown(latency)),
        experiment=collected.experiment,
        approval=collected.approval,
    )


async def _closed(opened: AsyncExitStack, *tasks: "asyncio.Task[Any] | None") -> None:
    begun = [task for task in tasks if task is not None]
    for task in begun:
        task.cancel()
    await asyncio.gather(*begun, return_exceptions=True)
    await opened.aclose()


def _event(frame: Frame) -> str:
    name = frame["type"]
    rest = {key: value for key, value in frame.items() if key != "type"}
    return f"event: {name}\ndata: {json.dumps(rest, ensure_ascii=False)}\n\n"

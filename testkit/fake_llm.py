"""A language model on a real socket: it streams, as OpenAI does, what a script tells it to."""

import asyncio
import json
import uuid
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Messages = list[dict[str, Any]]


@dataclass(frozen=True)
class ScriptedToolCall:
    """A tool call; `arguments` as a string is sent as it is, valid JSON or not."""

    name: str
    arguments: Mapping[str, Any] | str = field(default_factory=dict)
    pieces: int = 1
    """In how many chunks its arguments come."""
    id: str | None = ""
    """Empty: one is made; None: none is sent."""


@dataclass(frozen=True, kw_only=True)
class ScriptedAnswer:
    """What one request gets. Times in seconds."""

    text: str = ""
    """Comes word by word, the space between them made plain."""
    pieces: Sequence[str] = ()
    """In place of `text`: what comes, exactly, chunk by chunk."""
    calls: Sequence[ScriptedToolCall] = ()
    reasoning: str = ""
    reasoning_field: str = "reasoning_content"
    status: int = 200
    error: Mapping[str, Any] = field(default_factory=lambda: {"message": "no"})
    """The body's `error` where the status is not 200."""
    first_after_s: float = 0.0
    once: asyncio.Event | None = None
    """Nothing comes before this is set."""
    word_delay_s: float = 0.0
    silent: bool = False
    """The connection stays open and nothing comes, not even headers."""
    breaks_off_after: int | None = None
    """So many words come, then the connection is lost."""
    calls_at_index_0: bool = False
    """As servers do that send every call whole, without telling them apart by index."""
    usage: tuple[int, int] | None = None
    """Tokens in and out, told in the last chunk."""
    finish_reason: str | None = None
    """Empty: none is sent."""


Script = Callable[[Messages], ScriptedAnswer]
"""Decides by the messages of a request."""


def last_user_text(messages: Messages) -> str:
    return next((str(m["content"]) for m in reversed(messages) if m["role"] == "user"), "")


def tool_results(messages: Messages) -> list[str]:
    """Results that stand behind the last message of the person: those of the running answer."""
    places = [n for n, message in enumerate(messages) if message["role"] == "user"]
    rest = messages[places[-1] + 1 :] if places else messages
    return [str(message["content"]) for message in rest if message["role"] == "tool"]


def by_text(
    rules: Mapping[str, ScriptedAnswer], *, otherwise: ScriptedAnswer | None = None
) -> Script:
    """Answers by a word in the last message of the person, or with the tools' results where these
    have come: "Result: …"."""

    def script(messages: Messages) -> ScriptedAnswer:
        if results := tool_results(messages):
            return ScriptedAnswer(text=f"Result: {' '.join(results)}")
        said = last_user_text(messages).lower()
        for word, answer in rules.items():
            if word.lower() in said:
                return answer
        return otherwise or ScriptedAnswer(text="Of course.")

    return script


def in_turn(*answers: ScriptedAnswer) -> Script:
    """One answer after the other; the last one again and again."""
    left = list(answers)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


@dataclass
class FakeLlm:
    """`script` may be turned while it runs."""

    script: Script = field(default_factory=lambda: in_turn(ScriptedAnswer(text="Of course.")))
    models: Sequence[str] = ("fake",)
    """What it offers."""
    requests: list[dict[str, Any]] = field(default_factory=list)
    received: asyncio.Event = field(default_factory=asyncio.Event)
    """Set with every request; a test clears it."""
    disconnected: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a client hangs up before its answer is complete; a test clears it."""
    completed: int = 0
    """Answers that were sent to their end."""

    @property
    def messages(self) -> Messages:
        """Of the last request."""
        return list(self.requests[-1]["messages"])

    def always(self, text: str) -> None:
        self.script = in_turn(ScriptedAnswer(text=text))

    async def complete(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.requests.append(body)
        self.received.set()
        try:
            response = await self._answer(request, body, self.script(body["messages"]))
        except (asyncio.CancelledError, ConnectionError):
            self.disconnected.set()
            raise
        self.completed += 1
        return response

    async def _answer(
        self, request: web.Request, body: dict[str, Any], answer: ScriptedAnswer
    ) -> web.StreamResponse:
        if answer.silent:
            await asyncio.Event().wait()
        await asyncio.sleep(answer.first_after_s)
        if answer.once is not None:
            await answer.once.wait()
        if answer.status != 200:
            return web.json_response({"error": dict(answer.error)}, status=answer.status)
        if not body.get("stream"):
            return web.json_response(_whole(answer))
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        if answer.reasoning:
            await response.write(_chunk({answer.reasoning_field: answer.reasoning}))
        for place, piece in enumerate(pieces_of(answer)):
            if place == answer.breaks_off_after:
                assert request.transport is not None
                request.transport.abort()
                return response
            if place:
                await asyncio.sleep(answer.word_delay_s)
            await response.write(_chunk({"content": piece}))
        for delta in _call_deltas(answer):
            await response.write(_chunk({"tool_calls": [delta]}))
        reason = answer.finish_reason
        if reason is None:
            reason = "tool_calls" if answer.calls else "stop"
        await response.write(_chunk({}, finish_reason=reason or None))
        if answer.usage is not None:
            await response.write(_usage(answer.usage))
        await response.write(b"data: [DONE]\n\n")
        return response


@asynccontextmanager
async def llm_serving(llm: FakeLlm, *, port: int = 0) -> AsyncGenerator[str]:
    """Serves the model on `port`, 0 for a free one; yields its base URL."""

    async def models(_: web.Request) -> web.Response:
        offered = [{"id": name, "object": "model"} for name in llm.models]
        return web.json_response({"object": "list", "data": offered})

    app = web.Application()
    app.add_routes([web.post("/v1/chat/completions", llm.complete), web.get("/v1/models", models)])
    # Cancelled handlers are how a disconnect is seen while nothing is being written.
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()


def pieces_of(answer: ScriptedAnswer) -> Sequence[str]:
    """Of its text, in the order in which they come."""
    words = answer.text.split()
    return answer.pieces or [f" {word}" if n else word for n, word in enumerate(words)]


def arguments_in_pieces(call: ScriptedToolCall) -> Sequence[str]:
    """At least one, which may be empty."""
    given = call.arguments if isinstance(call.arguments, str) else json.dumps(call.arguments)
    size = -(-len(given) // call.pieces) or 1
    return [given[at : at + size] for at in range(0, len(given), size)] or [""]


def _call_deltas(answer: ScriptedAnswer) -> Iterator[dict[str, Any]]:
    for index, call in enumerate(answer.calls):
        pieces = arguments_in_pieces(call)
        first: dict[str, Any] = {
            "index": 0 if answer.calls_at_index_0 else index,
            "type": "function",
            "function": {"name": call.name, "arguments": pieces[0]},
        }
        if call.id is not None:
            first["id"] = call.id or f"call_{uuid.uuid4().hex[:12]}"
        yield first
        for piece in pieces[1:]:
            yield {"index": first["index"], "function": {"arguments": piece}}


def _chunk(delta: Mapping[str, Any], *, finish_reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": dict(delta), "finish_reason": finish_reason}
    return _event({"choices": [choice]})


def _usage(tokens: tuple[int, int]) -> bytes:
    usage = {
        "prompt_tokens": tokens[0],
        "completion_tokens": tokens[1],
        "total_tokens": sum(tokens),
    }
    return _event({"choices": [], "usage": usage})


def _event(content: Mapping[str, Any]) -> bytes:
    chunk = {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": "fake",
        **content,
    }
    return f"data: {json.dumps(chunk)}\n\n".encode()


def _whole(answer: ScriptedAnswer) -> dict[str, Any]:
    message = {"role": "assistant", "content": answer.text}
    return {
        "id": "c1",
        "object": "chat.completion",
        "created": 0,
        "model": "fake",
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
    }

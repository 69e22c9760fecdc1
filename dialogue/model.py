"""The language model: any that speaks the OpenAI chat completions API, streamed."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import httpx2
import openai
from openai.types.chat import ChatCompletionChunk
from pydantic import JsonValue

from dialogue.messages import (
    AssistantMessage,
    Message,
    SystemMessage,
    ToolMessage,
    ToolRequest,
    UserMessage,
)
from dialogue.model_errors import ModelRequestError, as_model_request_error
from dialogue.model_pace import ModelPace
from dialogue.tls_context import tls_context
from dialogue.tool_call_deltas import ToolCallDeltas
from parley.clock import monotonic
from parley.settings import OrchestratorSettings
from parley.settings.orchestrator import SMALL_LLM
from parley.telemetry.tracing import trace_headers

CONNECT_TIMEOUT_S = 5.0
SILENCE_TIMEOUT_S = 30.0
"""The longest wait for the next bytes of an answer."""

WITHOUT_EXAMPLES = frozenset({SMALL_LLM})
"""Models that answer as the person of an example, or with what one of them said (docs/mind.md)."""

FAILURES = (openai.OpenAIError, httpx2.HTTPError, json.JSONDecodeError)
"""What the client raises of a request."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Text:
    """The next piece of the answer."""

    text: str


@dataclass(frozen=True)
class Reasoning:
    """What the model thinks before it answers; never spoken."""

    text: str


@dataclass(frozen=True)
class Tokens:
    """What the request took, where the server tells it."""

    input_tokens: int
    output_tokens: int


@dataclass(frozen=True)
class Finished:
    """The answer is complete: `reason` is "stop", "tool_calls", "length" or the server's own."""

    reason: str


Piece = Text | Reasoning | ToolRequest | Tokens | Finished


class OfferedTool(Protocol):
    """What a model is told of a tool."""

    @property
    def name(self) -> str: ...

    @property
    def description(self) -> str: ...

    @property
    def schema(self) -> dict[str, JsonValue]:
        """JSON schema of the arguments."""
        ...


class ChatModel(Protocol):
    """Answers messages, piece by piece."""

    def answer(
        self, messages: Sequence[Message], tools: Sequence[OfferedTool] = ()
    ) -> AsyncGenerator[Piece]:
        """Raises ModelRequestError. Closing it ends the request to the model at once."""
        ...

    async def fill_prompt_cache(
        self, messages: Sequence[Message], tools: Sequence[OfferedTool] = ()
    ) -> str:
        """Has a model that keeps what it has read keep these. Why it could not, or ""."""
        ...

    async def learns_from_examples(self) -> bool:
        """Whether it takes example exchanges for examples, and not for the conversation."""
        ...

    def variant(self, *, model: str | None = None, temperature: float | None = None) -> "ChatModel":
        """The same, with another model or temperature where they are given."""
        ...


def only_one(offered: Sequence[str], *, at: str) -> str:
    """The one model that a server offers; raises ModelRequestError where it is not one."""
    if len(offered) == 1:
        return offered[0]
    shown = f"offers {', '.join(sorted(offered)[:5])}" if offered else "names no model"
    more = f" and {len(offered) - 5} more" if len(offered) > 5 else ""
    raise ModelRequestError(
        f"the language model's server at {at} {shown}{more}: set LLM_MODEL",
        code="model_not_found",
        retryable=False,
    )


def build_client(settings: OrchestratorSettings) -> openai.AsyncClient:
    """The API client; needs no running event loop. Whoever builds it closes it."""
    return openai.AsyncClient(
        api_key=settings.llm.api_key.get_secret_value() or "none",
        base_url=settings.llm_url,
        max_retries=0,
        timeout=httpx2.Timeout(SILENCE_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
        http_client=httpx2.AsyncClient(
            verify=tls_context(), limits=httpx2.Limits(keepalive_expiry=120)
        ),
    )


def build_model(
    settings: OrchestratorSettings, client: openai.AsyncClient, pace: ModelPace | None = None
) -> "OpenAIModel":
    """The model of the settings over the client; `pace` is told how soon it answers."""
    return OpenAIModel(
        client=client,
        name=settings.llm_model,
        temperature=settings.llm.temperature,
        max_tokens=settings.llm.max_tokens,
        at_openai=settings.llm_is_at_openai,
        pace=pace or ModelPace(),
    )


@dataclass
class _ServedModel:
    """What a server was found to offer; asked once."""

    name: str = ""


@dataclass(frozen=True, kw_only=True)
class OpenAIModel:
    """A ChatModel over the `openai` client, which may be shared."""

    client: openai.AsyncClient
    name: str
    """Empty: the only one that the server offers."""
    temperature: float | None
    """None: none is sent, for models that refuse one."""
    max_tokens: int
    at_openai: bool
    """OpenAI itself, which knows more than others: usage in a stream, the limit's newer name."""
    asks_for_usage: bool = False
    """Whether another server than OpenAI is known to tell the usage of a stream."""
    pace: ModelPace = field(default_factory=ModelPace, repr=False)
    """Told how soon answers begin."""
    _served: _ServedModel = field(default_factory=_ServedModel, repr=False)

    def variant(
        self, *, model: str | None = None, temperature: float | None = None
    ) -> "OpenAIModel":
        return replace(
            self,
            name=model or self.name,
            temperature=self.temperature
            if temperature is None or self.temperature is None
            else temperature,
        )

    async def answer(
        self, messages: Sequence[Message], tools: Sequence[OfferedTool] = ()
    ) -> AsyncGenerator[Piece]:
        """Tool calls come whole, once the answer is complete. Raises ModelRequestError; closing
        the generator closes the connection."""
        calls = ToolCallDeltas()
        reason, asked_s, has_begun = "", monotonic(), False
        unread = self.pace.unread(messages)
        try:
            request = self._request(messages, tools, await self._served_name())
            if self.at_openai or self.asks_for_usage:
                request["stream_options"] = {"include_usage": True}
            stream = await self.client.chat.completions.create(
                **request, stream=True, extra_headers=trace_headers()
            )
            async with stream:
                async for chunk in stream:
                    pieces = _pieces(chunk, calls)
                    if not has_begun and (pieces or calls):
                        has_begun = True
                        self.pace.began(monotonic() - asked_s, unread=unread)
                        self.pace.has_read(messages)
                    for piece in pieces:
                        if isinstance(piece, Finished):
                            reason = piece.reason
                        else:
                            yield piece
        except FAILURES as error:
            raise self._error(error) from None
        except (GeneratorExit, asyncio.CancelledError):
            if not has_begun:
                self.pace.given_up(monotonic() - asked_s, unread=unread)
            raise
        for call in calls.complete():
            yield call
        if not reason:
            _log.debug("%s ended its answer without saying why", self.client.base_url)
        yield Finished(reason or "stop")

    async def fill_prompt_cache(
        self, messages: Sequence[Message], tools: Sequence[OfferedTool] = ()
    ) -> str:
        """See ChatModel."""
        try:
            await self._ask_for_one_token(messages, tools)
        except ModelRequestError as error:
            return str(error)
        self.pace.has_read(messages)
        return ""

    async def learns_from_examples(self) -> bool:
        """Whichever is asked for by name, or is found to be served; False where it is not known."""
        try:
            return await self._served_name() not in WITHOUT_EXAMPLES
        except (ModelRequestError, *FAILURES):
            return False  # the answer will say what is wrong

    async def check(self) -> str:
        """Asks for one token of an answer; the model's name. Raises ModelRequestError."""
        return await self._ask_for_one_token([UserMessage("Hello.")])

    async def _ask_for_one_token(
        self, messages: Sequence[Message], tools: Sequence[OfferedTool] = ()
    ) -> str:
        try:
            name = await self._served_name()
            request = self._request(messages, tools, name)
            request["max_completion_tokens" if self.at_openai else "max_tokens"] = 1
            await self.client.chat.completions.create(**request, stream=False)
        except FAILURES as error:
            raise self._error(error) from None
        return name

    async def _served_name(self) -> str:
        if self.name:
            return self.name
        if self._served.name:
            return self._served.name
        offered = await self.client.models.list()
        names = [model.id for model in offered.data or ()]
        self._served.name = only_one(names, at=str(self.client.base_url))
        return self._served.name

    def _error(self, error: Exception) -> ModelRequestError:
        return as_model_request_error(
            error,
            at=str(self.client.base_url),
            key=self.client.api_key,
            model=self.name or self._served.name,
        )

    def _request(
        self, messages: Sequence[Message], tools: Sequence[OfferedTool], name: str
    ) -> dict[str, Any]:
        limit = "max_completion_tokens" if self.at_openai else "max_tokens"
        request: dict[str, Any] = {
            "model": name,
            "messages": [wire_message(message) for message in messages],
            limit: self.max_tokens,
        }
        if self.temperature is not None:
            request["temperature"] = self.temperature
        if tools:
            request["tools"] = [
                {
                    "type": "function",
                    "function": {
                        "name": tool.name,
                        "description": tool.description,
                        "parameters": tool.schema,
                    },
                }
                for tool in tools
            ]
        return request


def wire_message(message: Message) -> dict[str, JsonValue]:
    """The message as the chat completions API has it."""
    match message:
        case SystemMessage(text):
            return {"role": "system", "content": text}
        case UserMessage(text):
            return {"role": "user", "content": text}
        case ToolMessage(call_id, text):
            return {"role": "tool", "tool_call_id": call_id, "content": text}
        case AssistantMessage(text, ()):
            return {"role": "assistant", "content": text}
        case AssistantMessage(text, calls):
            return {
                "role": "assistant",
                "content": text or None,
                "tool_calls": [
                    {
                        "id": call.call_id,
                        "type": "function",
                        "function": {"name": call.name, "arguments": call.arguments},
                    }
                    for call in calls
                ],
            }


def _pieces(chunk: ChatCompletionChunk, calls: ToolCallDeltas) -> Sequence[Piece]:
    """What a chunk brings. Servers leave out what they do not know, and the client does not check
    what they send: nothing is taken for granted."""
    found: list[Piece] = []
    if chunk.usage is not None:
        found.append(Tokens(chunk.usage.prompt_tokens or 0, chunk.usage.completion_tokens or 0))
    for choice in (chunk.choices or ())[:1]:
        if (delta := choice.delta) is not None:
            extra = delta.model_extra or {}
            if thought := extra.get("reasoning_content") or extra.get("reasoning"):
                found.append(Reasoning(str(thought)))
            if delta.content:
                found.append(Text(delta.content))
            for call in delta.tool_calls or ():
                calls.add(call)
        if choice.finish_reason:
            found.append(Finished(choice.finish_reason))
    return found

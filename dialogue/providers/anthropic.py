"""Anthropic's Messages API, streamed."""

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from httpx2 import EventSource
from pydantic import JsonValue

from dialogue.messages import Message, ToolMessage, ToolRequest
from dialogue.model import Finished, OfferedTool, Piece, Reasoning, Text, Tokens
from dialogue.providers.http_request import ProviderHttp
from dialogue.providers.tool_blocks import ToolBlocks
from dialogue.providers.turns import (
    MOST_TEMPERATURE,
    Part,
    in_turns,
    tool_id,
    tool_input,
)
from dialogue.providers.vendor_model import VendorModel
from parley.telemetry.tracing import trace_headers

VERSION = "2023-06-01"
REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "refusal": "content_filter",
}
"""Why an answer ended, in the words of the chat completions API."""
ERROR_STATUS = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "timeout_error": 504,
    "overloaded_error": 529,
}
"""Of errors within a stream: the status that the API would have answered with."""


@dataclass(frozen=True, kw_only=True)
class AnthropicModel(VendorModel):
    """A ProviderModel."""

    key: str = field(repr=False)

    async def answer(
        self, messages: Sequence[Message], tools: Sequence[OfferedTool] = ()
    ) -> AsyncGenerator[Piece]:
        """See ChatModel; tool calls come whole, once the answer is complete."""
        reader = AnthropicReader(self.http, self.name)
        body = json.dumps(self._request(messages, tools)).encode()
        async with self.http.streamed(
            "POST",
            f"{self.http.at}/v1/messages",
            headers={**self._headers(), **trace_headers(), "Content-Type": "application/json"},
            content=body,
            model=self.name,
        ) as response:
            async for event in EventSource(response):
                for piece in reader.take(json.loads(event.data)):
                    yield piece
        for piece in reader.end():
            yield piece

    async def check(self) -> str:
        """Asks for the list of models, which costs nothing."""
        async with self.http.streamed(
            "GET", f"{self.http.at}/v1/models?limit=1", headers=self._headers()
        ) as response:
            await response.aread()
        return self.name

    def _headers(self) -> dict[str, str]:
        return {"x-api-key": self.key, "anthropic-version": VERSION}

    def _request(self, messages: Sequence[Message], tools: Sequence[OfferedTool]) -> dict[str, Any]:
        system, turns = in_turns(messages, with_tools=bool(tools))
        request: dict[str, Any] = {
            "model": self.name,
            "max_tokens": self.max_tokens,
            "stream": True,
            "messages": [
                {"role": turn.role, "content": [_block(part) for part in turn.parts]}
                for turn in turns
            ],
        }
        if system:
            request["system"] = system
        if self.temperature is not None:
            request["temperature"] = min(self.temperature, MOST_TEMPERATURE)
        if tools:
            request["tools"] = [
                {"name": t.name, "description": t.description, "input_schema": t.schema}
                for t in tools
            ]
        return request


class AnthropicReader:
    """What the events of one answer mean. Raises ModelRequestError for an error among them."""

    def __init__(self, http: ProviderHttp, model: str) -> None:
        self._http = http
        self._model = model
        self._calls = ToolBlocks()
        self._input_tokens = 0
        self._output_tokens = 0
        self._reason = ""
        self._is_complete = False

    def take(self, event: Mapping[str, Any]) -> Sequence[Piece]:
        """The pieces that an event brings; one of an unknown type brings none."""
        match event.get("type"):
            case "message_start":
                self._count(event.get("message") or {})
            case "content_block_start":
                block = event.get("content_block") or {}
                if block.get("type") == "tool_use":
                    index, call_id = int(event.get("index") or 0), str(block.get("id") or "")
                    self._calls.begin(index, call_id=call_id, name=str(block.get("name") or ""))
            case "content_block_delta":
                return self._delta(int(event.get("index") or 0), event.get("delta") or {})
            case "message_delta":
                self._count(event)
                self._reason = str((event.get("delta") or {}).get("stop_reason") or self._reason)
            case "message_stop":
                self._is_complete = True
            case "error":
                error = event.get("error") or {}
                status = ERROR_STATUS.get(str(error.get("type")), 500)
                raise self._http.failed(status, str(error.get("message")), model=self._model)
        return ()

    def end(self) -> Sequence[Piece]:
        """What stands at the end; raises ModelRequestError where the answer was not complete."""
        if not self._is_complete:
            raise self._http.broke_off()
        tokens = Tokens(self._input_tokens, self._output_tokens)
        reason = REASONS.get(self._reason, self._reason or "stop")
        return [tokens, *self._calls.complete(), Finished(reason)]

    def _delta(self, index: int, delta: Mapping[str, Any]) -> Sequence[Piece]:
        match delta.get("type"):
            case "text_delta" if text := str(delta.get("text") or ""):
                return [Text(text)]
            case "thinking_delta" if thought := str(delta.get("thinking") or ""):
                return [Reasoning(thought)]
            case "input_json_delta":
                self._calls.add(index, str(delta.get("partial_json") or ""))
        return ()

    def _count(self, told: Mapping[str, Any]) -> None:
        usage = told.get("usage") or {}
        cached = ("cache_creation_input_tokens", "cache_read_input_tokens")
        if usage.get("input_tokens") is not None:
            read = sum(int(usage.get(kind) or 0) for kind in cached)
            self._input_tokens = int(usage["input_tokens"]) + read
        self._output_tokens = int(usage.get("output_tokens") or self._output_tokens)


def _block(part: Part) -> dict[str, JsonValue]:
    match part:
        case str():
            return {"type": "text", "text": part}
        case ToolRequest(call_id, name):
            return {
                "type": "tool_use",
                "id": tool_id(call_id),
                "name": name,
                "input": tool_input(part),
            }
        case ToolMessage(call_id, text):
            return {"type": "tool_result", "tool_use_id": tool_id(call_id), "content": text}

"""Amazon Bedrock's Converse API, streamed.

Signed by us (`sigv4.py`): botocore would bring 31 MB and four more packages, for one request.
"""

import json
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from pydantic import JsonValue

from dialogue.messages import Message, ToolMessage, ToolRequest, UserMessage
from dialogue.model import Finished, OfferedTool, Piece, Reasoning, Text, Tokens
from dialogue.model_errors import ModelRequestError
from dialogue.providers.event_stream import EventStreamDecoder, StreamMessage
from dialogue.providers.http_request import ProviderHttp
from dialogue.providers.sigv4 import AwsCredentials, signed_headers
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

SERVICE = "bedrock"
REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
}
EXCEPTION_STATUS = {
    "validationException": 400,
    "accessDeniedException": 403,
    "resourceNotFoundException": 404,
    "modelTimeoutException": 408,
    "throttlingException": 429,
    "modelNotReadyException": 429,
    "serviceQuotaExceededException": 402,
    "serviceUnavailableException": 503,
}
"""Of exceptions within a stream: the status that the API would have answered with."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class BedrockModel(VendorModel):
    """A ProviderModel. `credentials`: an API key of Bedrock, or access keys to sign with;
    `name`: a model's id, an inference profile's, or an ARN."""

    credentials: str | AwsCredentials = field(repr=False)
    region: str
    now: Callable[[], datetime] = field(default=_utc_now, repr=False)
    """In UTC; what is signed holds for minutes around it."""

    async def answer(
        self, messages: Sequence[Message], tools: Sequence[OfferedTool] = ()
    ) -> AsyncGenerator[Piece]:
        """See ChatModel; tool calls come whole, once the answer is complete."""
        reader, decoder = ConverseReader(self.http, self.name), EventStreamDecoder()
        url, headers, body = self._request("converse-stream", messages, tools, self.max_tokens)
        async with self.http.streamed(
            "POST", url, headers=headers, content=body, model=self.name
        ) as response:
            async for data in response.aiter_raw():
                for message in decoder.feed(data):
                    for piece in reader.take(message):
                        yield piece
        for piece in reader.end():
            yield piece

    async def check(self) -> str:
        """Asks for one token: at this address there is nothing cheaper to ask for."""
        url, headers, body = self._request("converse", [UserMessage("Hello.")], (), 1)
        async with self.http.streamed(
            "POST", url, headers=headers, content=body, model=self.name
        ) as response:
            await response.aread()
        return self.name

    def _request(
        self, action: str, messages: Sequence[Message], tools: Sequence[OfferedTool], limit: int
    ) -> tuple[str, dict[str, str], bytes]:
        """Address, headers and body."""
        url = f"{self.http.at}/model/{quote(self.name, safe='')}/{action}"
        body = json.dumps(self._body(messages, tools, limit)).encode()
        headers = {"Content-Type": "application/json"}
        if isinstance(self.credentials, str):
            headers["Authorization"] = f"Bearer {self.credentials}"
        else:
            headers = signed_headers(
                self.credentials,
                method="POST",
                url=url,
                body=body,
                headers=headers,
                region=self.region,
                service=SERVICE,
                now=self.now(),
            )
        return url, {**headers, **trace_headers()}, body

    def _body(
        self, messages: Sequence[Message], tools: Sequence[OfferedTool], limit: int
    ) -> dict[str, Any]:
        system, turns = in_turns(messages, with_tools=bool(tools))
        inference: dict[str, JsonValue] = {"maxTokens": limit}
        if self.temperature is not None:
            inference["temperature"] = min(self.temperature, MOST_TEMPERATURE)
        body: dict[str, Any] = {
            "messages": [
                {"role": turn.role, "content": [_block(part) for part in turn.parts]}
                for turn in turns
            ],
            "inferenceConfig": inference,
        }
        if system:
            body["system"] = [{"text": system}]
        if tools:
            body["toolConfig"] = {"tools": [_tool(tool) for tool in tools]}
        return body


class ConverseReader:
    """What the messages of one answer mean. Raises ModelRequestError for an error among them."""

    def __init__(self, http: ProviderHttp, model: str) -> None:
        self._http = http
        self._model = model
        self._calls = ToolBlocks()
        self._tokens: Tokens | None = None
        self._reason = ""

    def take(self, message: StreamMessage) -> Sequence[Piece]:
        """The pieces that a message brings; one of an unknown type brings none."""
        told: Mapping[str, Any] = json.loads(message.payload or b"{}")
        if message.headers.get(":message-type") in ("exception", "error"):
            raise self._failure(message, told)
        match message.headers.get(":event-type"):
            case "contentBlockStart":
                if use := (told.get("start") or {}).get("toolUse"):
                    self._calls.begin(
                        int(told.get("contentBlockIndex") or 0),
                        call_id=str(use.get("toolUseId") or ""),
                        name=str(use.get("name") or ""),
                    )
            case "contentBlockDelta":
                return self._delta(int(told.get("contentBlockIndex") or 0), told.get("delta") or {})
            case "messageStop":
                self._reason = str(told.get("stopReason") or "end_turn")
            case "metadata":
                usage = told.get("usage") or {}
                given, made = usage.get("inputTokens"), usage.get("outputTokens")
                self._tokens = Tokens(int(given or 0), int(made or 0))
        return ()

    def end(self) -> Sequence[Piece]:
        """What stands at the end; raises ModelRequestError where the answer was not complete."""
        if not self._reason:
            raise self._http.broke_off()
        counted = [self._tokens] if self._tokens is not None else []
        reason = REASONS.get(self._reason, self._reason)
        return [*counted, *self._calls.complete(), Finished(reason)]

    def _delta(self, index: int, delta: Mapping[str, Any]) -> Sequence[Piece]:
        if text := delta.get("text"):
            return [Text(str(text))]
        if thought := (delta.get("reasoningContent") or {}).get("text"):
            return [Reasoning(str(thought))]
        if use := delta.get("toolUse"):
            self._calls.add(index, str(use.get("input") or ""))
        return ()

    def _failure(self, message: StreamMessage, told: Mapping[str, Any]) -> ModelRequestError:
        kind = message.headers.get(":exception-type") or message.headers.get(":error-code") or ""
        text = told.get("message") or message.headers.get(":error-message") or kind
        status = EXCEPTION_STATUS.get(kind[:1].lower() + kind[1:], 500)
        return self._http.failed(status, str(text), model=self._model)


def _block(part: Part) -> dict[str, JsonValue]:
    match part:
        case str():
            return {"text": part}
        case ToolRequest(call_id, name):
            use: dict[str, JsonValue] = {
                "toolUseId": tool_id(call_id),
                "name": name,
                "input": tool_input(part),
            }
            return {"toolUse": use}
        case ToolMessage(call_id, text):
            result: dict[str, JsonValue] = {
                "toolUseId": tool_id(call_id),
                "content": [{"text": text or "(nothing)"}],
            }
            return {"toolResult": result}


def _tool(tool: OfferedTool) -> dict[str, Any]:
    spec = {
        "name": tool.name,
        "description": tool.description or tool.name,
        "inputSchema": {"json": tool.schema},
    }
    return {"toolSpec": spec}

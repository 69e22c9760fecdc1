"""The session's language model, as engines of an app's own ask it."""

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass

from pydantic import JsonValue

from dialogue.messages import Message, SystemMessage, ToolRequest, UserMessage
from dialogue.model import ChatModel, Text
from dialogue.model_errors import ModelRequestError
from dialogue.written_calls import written_calls
from parley.app.language_model import LanguageModelError

_CALL_IT = "Call the tool {name} once, and write nothing else."


@dataclass(frozen=True)
class _Form:
    """A JSON schema, offered to the model as a tool: what it calls it with is the form filled."""

    name: str
    description: str
    schema: dict[str, JsonValue]


@dataclass(frozen=True)
class AskedModel:
    """A LanguageModel over the ChatModel of the settings."""

    model: ChatModel
    fills_forms: bool

    async def write(self, instructions: str, text: str) -> AsyncGenerator[str]:
        """See LanguageModel."""
        asked: list[Message] = [SystemMessage(instructions), UserMessage(text)]
        try:
            async with aclosing(self.model.answer(asked)) as pieces:
                async for piece in pieces:
                    if isinstance(piece, Text):
                        yield piece.text
        except ModelRequestError as error:
            raise _told(error) from error

    async def fill(
        self, instructions: str, text: str, schema: Mapping[str, JsonValue]
    ) -> Mapping[str, JsonValue]:
        """See LanguageModel."""
        name = str(schema.get("title") or "form")
        form = _Form(name, str(schema.get("description") or name), dict(schema))
        asked: list[Message] = [
            SystemMessage(f"{instructions} {_CALL_IT.format(name=name)}"),
            UserMessage(text),
        ]
        written = ""
        try:
            async with aclosing(
                self.model.variant(temperature=0.0).answer(asked, (form,))
            ) as pieces:
                async for piece in pieces:
                    if isinstance(piece, ToolRequest) and piece.name == name:
                        return _as_object(piece.arguments)
                    if isinstance(piece, Text):
                        written += piece.text
        except ModelRequestError as error:
            raise _told(error) from error
        # Some write what they were to call: the call, or what it is called with.
        properties = schema.get("properties")
        parameters = tuple(properties) if isinstance(properties, Mapping) else ()
        for call in written_calls(written, {name: parameters}):
            if call.name == name:
                return _as_object(call.arguments)
        return _as_object(written)


def _as_object(text: str) -> Mapping[str, JsonValue]:
    begin, end = text.find("{"), text.rfind("}")
    try:
        found = json.loads(text[begin : end + 1])
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise LanguageModelError(
            "the language model did not fill the form", code="model_broken_answer", retryable=True
        )
    return found


def _told(error: ModelRequestError) -> LanguageModelError:
    return LanguageModelError(error.for_people, code=error.code, retryable=error.retryable)

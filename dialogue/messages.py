"""What a model is shown of a conversation, whoever serves it."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class ToolRequest:
    """A tool call that a model asks for; `arguments` is JSON as the model wrote it."""

    call_id: str
    name: str
    arguments: str


@dataclass(frozen=True)
class SystemMessage:
    text: str


@dataclass(frozen=True)
class UserMessage:
    text: str


@dataclass(frozen=True)
class AssistantMessage:
    """What the agent said, or the tools that it called, or both."""

    text: str = ""
    calls: Sequence[ToolRequest] = ()


@dataclass(frozen=True)
class ToolMessage:
    """The result of the call of that id; stands behind the message with the call."""

    call_id: str
    text: str


Message = SystemMessage | UserMessage | AssistantMessage | ToolMessage


def length(message: Message) -> int:
    """In characters, with the arguments of calls."""
    calls = message.calls if isinstance(message, AssistantMessage) else ()
    return len(message.text) + sum(len(call.name) + len(call.arguments) for call in calls)

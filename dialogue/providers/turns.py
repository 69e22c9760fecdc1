"""A conversation as the APIs have it that know two speakers who take turns, and a system prompt."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import JsonValue

from dialogue.messages import (
    AssistantMessage,
    Message,
    SystemMessage,
    ToolMessage,
    ToolRequest,
    UserMessage,
)

Part = str | ToolRequest | ToolMessage
BEGINNING = "(The call begins.)"
"""What the person says where the agent speaks first: the first speaker has to be the person."""
GO_ON = "(Go on.)"
"""What the person says where the agent spoke last."""
MOST_TEMPERATURE = 1.0
"""These APIs refuse more."""
_NOT_IN_IDS = re.compile(r"[^a-zA-Z0-9_-]")


@dataclass(frozen=True)
class RoleTurn:
    """What one of the two said or did, until it was the other's turn."""

    role: Literal["user", "assistant"]
    parts: tuple[Part, ...]


def in_turns(messages: Sequence[Message], *, with_tools: bool) -> tuple[str, Sequence[RoleTurn]]:
    """The system prompt, and the turns, of which the first and the last are the person's.

    System messages within the conversation become the person's, so that they keep their place.
    `with_tools`: the request offers some. Without, these APIs refuse calls of earlier: they are
    told in words.
    """
    system: list[str] = []
    turns: list[tuple[Literal["user", "assistant"], list[Part]]] = []

    def add(role: Literal["user", "assistant"], *parts: Part) -> None:
        kept = [part for part in parts if not isinstance(part, str) or part.strip()]
        if not kept:
            return
        if turns and turns[-1][0] == role:
            turns[-1][1].extend(kept)
        else:
            turns.append((role, kept))

    for message in messages:
        match message:
            case SystemMessage(text) if not turns:
                system.append(text)
            case SystemMessage(text) | UserMessage(text):
                add("user", text)
            case ToolMessage():
                add("user", message if with_tools else f"(Result: {message.text})")
            case AssistantMessage(text, calls):
                told = calls if with_tools else [f"(Called {c.name}: {c.arguments})" for c in calls]
                add("assistant", text, *told)
    if not turns or turns[0][0] == "assistant":
        turns.insert(0, ("user", [BEGINNING]))
    if turns[-1][0] == "assistant":
        turns.append(("user", [GO_ON]))
    return "\n\n".join(system), [RoleTurn(role, tuple(parts)) for role, parts in turns]


def tool_input(request: ToolRequest) -> dict[str, JsonValue]:
    """The arguments as the object that these APIs want, also where a model wrote none."""
    try:
        given = json.loads(request.arguments)
    except ValueError:
        given = None
    return given if isinstance(given, dict) else {"arguments": request.arguments}


def tool_id(call_id: str) -> str:
    """The id with the letters that these APIs allow: another provider may have given it."""
    return _NOT_IN_IDS.sub("_", call_id)[:64]

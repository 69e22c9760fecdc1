"""What one answer is made of: what came of asking the model, and the calls of tools."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue

from dialogue.messages import ToolRequest
from dialogue.tools import CallableTool
from parley.app.events import ToolFinished


@dataclass
class AnswerCall:
    request: ToolRequest
    tool: CallableTool | None
    arguments: dict[str, JsonValue] = field(default_factory=dict)
    begun: bool = False
    told: bool = False
    """Its end was yielded."""
    task: asyncio.Task[ToolFinished] | None = None


@dataclass
class Asked:
    """What came of one request to the model."""

    text: str = ""
    """For the person; also what was not said because it had been said before."""
    requests: Sequence[ToolRequest] = ()
    reason: str = "stop"
    thought: bool = False
    said: str = ""

"""Tool calls, put together from the pieces in which servers stream them."""

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from openai.types.chat.chat_completion_chunk import ChoiceDeltaToolCall

from dialogue.messages import ToolRequest


@dataclass
class _Call:
    index: int | None
    call_id: str
    name: str
    arguments: str


class ToolCallDeltas:
    """Collects the calls of one answer.

    OpenAI tells parallel calls apart by index and gives id and name once. Others send whole calls,
    all with index 0 or none, repeat the id in every piece, or give none.
    """

    def __init__(self) -> None:
        self._calls: list[_Call] = []

    def __bool__(self) -> bool:
        """Whether any has begun."""
        return bool(self._calls)

    def add(self, delta: ChoiceDeltaToolCall) -> None:
        function = delta.function
        name = (function.name if function else None) or ""
        call = self._call(delta.index, delta.id or "", name)
        call.call_id = call.call_id or delta.id or ""
        call.name = call.name or name
        arguments: object = function.arguments if function else None
        if arguments is not None and not isinstance(arguments, str):
            arguments = json.dumps(arguments)  # a server that sends an object
        call.arguments += arguments or ""

    def complete(self) -> Sequence[ToolRequest]:
        return [
            ToolRequest(
                call.call_id or f"call_{uuid.uuid4().hex[:24]}", call.name, call.arguments or "{}"
            )
            for call in self._calls
        ]

    def _call(self, index: int | None, call_id: str, name: str) -> _Call:
        """The call that a piece belongs to; a new one where it begins one."""
        same = [call for call in self._calls if call.index == index] if index is not None else []
        latest = (same or (self._calls if index is None else []))[-1:]
        for call in latest:
            if call_id and call.call_id:
                if call_id == call.call_id:
                    return call
            elif not (name and call.name and _is_whole(call.arguments)):
                return call
        begun = _Call(index, "", "", "")
        self._calls.append(begun)
        return begun


def _is_whole(arguments: str) -> bool:
    try:
        json.loads(arguments)
    except ValueError:
        return False
    return True

"""Tool calls that come as blocks: begun with id and name, then pieces of their arguments."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from dialogue.messages import ToolRequest


@dataclass
class _Begun:
    call_id: str
    name: str
    arguments: str = ""


class ToolBlocks:
    """Collects the calls of one answer, by the index of their block."""

    def __init__(self) -> None:
        self._begun: dict[int, _Begun] = {}

    def begin(self, index: int, *, call_id: str, name: str) -> None:
        self._begun[index] = _Begun(call_id or f"call_{uuid.uuid4().hex[:24]}", name)

    def add(self, index: int, arguments: str) -> None:
        """Pieces of a block that never began are nobody's."""
        if call := self._begun.get(index):
            call.arguments += arguments

    def complete(self) -> Sequence[ToolRequest]:
        return [
            ToolRequest(call.call_id, call.name, call.arguments or "{}")
            for _, call in sorted(self._begun.items())
        ]

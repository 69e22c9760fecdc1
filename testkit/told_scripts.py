"""A language model with known answers: an OpenAI-compatible server that streams written scripts."""

import asyncio
import re
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from testkit.openai_server import event, no_choices, serving, streamed

MODEL = "told-scripts"
WORDS_PER_S = 40.0
"""As a model on a graphics card writes."""

LONG = (
    "Bicycles are the quickest way through an old town, because its streets were laid out for "
    "carts and donkeys.",
    "Deserts grow cold at night, for dry air and bare stone give their warmth back to the sky.",
    "Pilots learn to trust their instruments in a cloud, since the inner ear will happily report "
    "level flight.",
    "Gardens behind high walls ripen peaches far to the north, as the bricks keep the heat of the "
    "afternoon.",
    "Kitchens teach patience better than books, because good bread rises only when it wants to.",
)
SHORT = (
    "Tides follow the moon quite faithfully.",
    "Copper roofs turn green within decades.",
    "Bakers begin long before sunrise.",
)
SCRIPTS = LONG + SHORT

_MARKER = re.compile(r"\bcall number (\d+)\b")


def opening(call: int) -> str:
    """What a caller types first, so that the model knows whose answers it gives."""
    return f"This is call number {call}."


@dataclass
class ToldScripts:
    """Answers each call with the script set in `next`; knows nothing else of a conversation."""

    next: dict[int, str] = field(default_factory=dict)
    asked: list[tuple[int, list[dict[str, Any]]]] = field(default_factory=list)
    """Of every request: the call, and the messages that the model was shown."""

    def serving(self) -> AbstractAsyncContextManager[str]:
        """Serves on a free port; yields the base URL."""
        return serving(self._complete, model=MODEL)

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        if not body.get("stream"):
            return no_choices()
        call = _call_of(body["messages"])
        self.asked.append((call, body["messages"]))
        script = self.next.get(call, SCRIPTS[0])

        async def tell(response: web.StreamResponse) -> None:
            for place, word in enumerate(script.split()):
                await response.write(event(f" {word}" if place else word, model=MODEL))
                await asyncio.sleep(1 / WORDS_PER_S)

        return await streamed(request, tell)


def _call_of(messages: list[dict[str, Any]]) -> int:
    for message in messages:
        if message["role"] == "user" and (found := _MARKER.search(str(message["content"]))):
            return int(found[1])
    return 0

"""The suite's language model: it speaks the OpenAI API and tells a known script word by word."""

import asyncio
from contextlib import AbstractAsyncContextManager

from aiohttp import web

from testkit.openai_server import event, no_choices, serving, streamed

MODEL = "storyteller"


class Storyteller:
    """Every request is answered with `script` at a steady pace, its first words at once.

    At a pace little above that of speech, a worker has an utterance to work on for as long as the
    reply is told, as with a language model that writes slowly.
    """

    def __init__(self, *, words_per_s: float, at_once: int) -> None:
        self.script = ""
        self._words_per_s = words_per_s
        self._at_once = at_once
        self._told = 0
        self._changed = asyncio.Condition()

    async def told(self, words: int) -> None:
        """Waits until so many words of the answer being given have left."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._told >= words)

    def begin(self, script: str) -> None:
        """What the next answers say; none of it has been told."""
        self.script = script
        self._told = 0

    def serving(self) -> AbstractAsyncContextManager[str]:
        """Serves on a free port; yields the base URL."""
        return serving(self._complete, model=MODEL)

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        if not (await request.json()).get("stream"):
            return no_choices()
        return await streamed(request, self._tell)

    async def _tell(self, response: web.StreamResponse) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        for place, word in enumerate(self.script.split()):
            due = began + max(0, place - self._at_once) / self._words_per_s
            await asyncio.sleep(due - loop.time())
            await response.write(event(f" {word}" if place else word, model=MODEL))
            async with self._changed:
                self._told = place + 1
                self._changed.notify_all()

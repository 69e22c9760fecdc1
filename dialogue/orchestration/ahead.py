"""What is found out about words that the person is still saying, for the turn that they become."""

import asyncio

from dialogue.orchestration.thinking import Grounds, Thinking


class GroundsAhead:
    """Of one session: asked at each partial transcript, taken by the turn that says the same."""

    def __init__(self, thinking: Thinking) -> None:
        self._thinking = thinking
        self._text = ""
        self._asking: asyncio.Task[Grounds] | None = None

    def begin(self, text: str) -> None:
        """Another text takes the place of the one before."""
        text = text.strip()
        if text == self._text and self._asking is not None:
            return
        self._drop()
        if text:
            self._text = text
            self._asking = asyncio.create_task(self._thinking.about(text), name="think ahead")

    async def about(self, text: str) -> Grounds:
        """What was begun for this text, else what is found out now."""
        text = text.strip()
        asking, self._asking = self._asking, None
        if asking is not None and text == self._text:
            return await asking  # cancelled with who waits for it
        if asking is not None:
            asking.cancel()
        return await self._thinking.about(text)

    async def aclose(self) -> None:
        asking, self._asking = self._asking, None
        if asking is not None:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)

    def _drop(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
        self._text, self._asking = "", None

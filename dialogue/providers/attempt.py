"""One request to one provider, running beside others until one of them has begun to answer."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from dialogue.breakers.breaker import GuardedCall
from dialogue.breakers.circuit import BreakerOpenError
from dialogue.messages import Message
from dialogue.model import ChatModel, OfferedTool, Piece
from dialogue.model_errors import ModelRequestError
from dialogue.providers.provider import Provider, is_harmless
from parley.background import CANCEL_AGAIN_AFTER_S
from parley.clock import Clock


class ProviderAttempt:
    """Begins at once. Whoever makes it awaits `aclose`."""

    def __init__(
        self,
        provider: Provider,
        model: ChatModel,
        messages: Sequence[Message],
        tools: Sequence[OfferedTool],
        *,
        is_own: bool,
        clock: Clock,
    ) -> None:
        """`is_own`: `model` is the provider's own, and not one that somebody else named."""
        self.provider = provider
        self._model = model
        self._messages = messages
        self._tools = tools
        self._is_own = is_own
        self._clock = clock
        self._call: GuardedCall | None = None
        self._was_overtaken = False
        self._pieces: asyncio.Queue[Piece | Exception | None] = asyncio.Queue()
        self.begun: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        """Done with the first piece, or with why there will be none; None: it answers."""
        self._ended = False
        """Whether the provider has said all that it will."""
        self._task = asyncio.create_task(self._run(), name=f"model-{provider.name}")

    def overtaken(self) -> None:
        """Another one, asked later, has begun to answer: this one is given up, and was slow."""
        if self._task.done():
            return
        self._was_overtaken = True
        if self._call is not None:
            self._call.overtaken()
        self.give_up()

    def give_up(self) -> None:
        """Ends the request at once, unless it has come to its end."""
        if not self._ended:
            self._task.cancel()

    async def pieces(self) -> AsyncGenerator[Piece]:
        """All that it answers, from the first on; raises what the request came to."""
        while (piece := await self._pieces.get()) is not None:
            if isinstance(piece, Exception):
                raise piece
            yield piece

    async def aclose(self) -> None:
        """The request has ended when this returns. One that has answered is let come to its end."""
        if self._ended:
            await asyncio.gather(self._task, return_exceptions=True)
        while not self._task.done():  # cancelled until it ends: see parley/background.py
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=CANCEL_AGAIN_AFTER_S)

    async def _run(self) -> None:
        try:
            if (wait_s := await self.provider.limited_for_s()) is not None:
                raise _too_many(self.provider.name, wait_s)
            async with self.provider.breaker.guard(is_harmless=self._is_harmless) as call:
                self._call = call
                await self._read(call)
                self._ended = True
        except (ModelRequestError, BreakerOpenError) as error:
            self._told(error)
        except asyncio.CancelledError:
            self.provider.count("overtaken" if self._was_overtaken else "cancelled")
            raise
        except Exception as error:  # a fault of ours: whoever reads the pieces raises it
            self._end(error)
        else:
            self.provider.count("ok")
            self._end(None)

    async def _read(self, call: GuardedCall) -> None:
        asked_s = self._clock()
        async with aclosing(self._model.answer(self._messages, self._tools)) as answer:
            async for piece in answer:
                if not self.begun.done():
                    call.answered()
                    self.provider.answered()
                    self.provider.began_after(self._clock() - asked_s)
                    self.begun.set_result(None)
                self._pieces.put_nowait(piece)

    def _told(self, error: ModelRequestError | BreakerOpenError) -> None:
        if isinstance(error, RateLimitedError):
            self.provider.count("rate_limited")
        elif isinstance(error, ModelRequestError):
            if not self._is_harmless(error):
                self.provider.failed(error)
            self.provider.count(error.code)
        else:
            self.provider.count("left_alone")
        self._end(error)

    def _is_harmless(self, error: Exception) -> bool:
        """A name that an experiment made up tells nothing of the provider."""
        if isinstance(error, ModelRequestError) and error.code == "model_not_found":
            return not self._is_own
        return is_harmless(error)

    def _end(self, error: Exception | None) -> None:
        if not self.begun.done():
            self.begun.set_result(error)
        self._pieces.put_nowait(error)


class RateLimitedError(ModelRequestError):
    """The request was not made: the provider's own limit in the settings is reached."""


def _too_many(name: str, wait_s: int) -> RateLimitedError:
    return RateLimitedError(
        f"{name} is asked as often as its rate_limit allows: again in {wait_s} s",
        code="model_busy",
        retryable=True,
    )

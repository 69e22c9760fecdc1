"""One answer out of several providers: who begins to answer first is heard."""

import asyncio
import random
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from dialogue.breakers.circuit import BreakerOpenError
from dialogue.messages import Message
from dialogue.model import ChatModel, OfferedTool, Piece
from dialogue.model_errors import ModelRequestError
from dialogue.providers.attempt import ProviderAttempt
from dialogue.providers.provider import Provider
from parley.clock import Clock

FIRST_BACKOFF_S = 0.2
LONGEST_BACKOFF_S = 2.0
_FIRST = asyncio.FIRST_COMPLETED
_Begun = asyncio.Future[Exception | None]


@dataclass(frozen=True)
class AnswerCandidate:
    """A provider, and its model with what this answer asks of it."""

    provider: Provider
    model: ChatModel
    is_own: bool = True
    """Whether it is asked for the provider's own model, and not for one that was named."""


class AnswerRace:
    """Asks the first candidate; the next when that one fails, or has not begun within `timeout_s`,
    while it goes on. Who begins first is heard to the end, the others are given up.

    Where all have failed before anything was passed on, those that may answer a little later are
    asked again, `max_retries` times, after a pause that doubles.
    """

    def __init__(
        self,
        candidates: Sequence[AnswerCandidate],
        messages: Sequence[Message],
        tools: Sequence[OfferedTool],
        *,
        timeout_s: float,
        max_retries: int,
        clock: Clock,
    ) -> None:
        self._candidates = candidates
        self._messages = messages
        self._tools = tools
        self._timeout_s = timeout_s
        self._max_retries = max_retries
        self._clock = clock
        self._attempts: list[ProviderAttempt] = []

    async def pieces(self) -> AsyncGenerator[Piece]:
        """Raises ModelRequestError. Closing it ends every request at once."""
        try:
            winner = await self._winner()
            async with aclosing(winner.pieces()) as pieces:
                async for piece in pieces:
                    yield piece
        finally:
            for attempt in self._attempts:
                attempt.give_up()
            await asyncio.gather(*(attempt.aclose() for attempt in self._attempts))

    async def _winner(self) -> ProviderAttempt:
        left = list(self._candidates)
        for again in range(self._max_retries + 1):
            if again:
                longest_s = min(FIRST_BACKOFF_S * 2 ** (again - 1), LONGEST_BACKOFF_S)
                await asyncio.sleep(longest_s * random.uniform(0.5, 1.0))  # noqa: S311
            failed = await self._round(left)
            if isinstance(failed, ProviderAttempt):
                return failed
            left = [c for c, error in failed if _may_answer_later(error)]
            if not left or again == self._max_retries:
                raise _told([error for _, error in failed])
        raise AssertionError("unreachable: the last round returns or raises")

    async def _round(
        self, candidates: Sequence[AnswerCandidate]
    ) -> ProviderAttempt | list[tuple[AnswerCandidate, Exception]]:
        """Whoever has begun to answer; else why each of them does not."""
        waiting = list(candidates)
        running: dict[_Begun, tuple[AnswerCandidate, ProviderAttempt]] = {}
        failed: list[tuple[AnswerCandidate, Exception]] = []
        while waiting or running:
            if waiting:
                candidate = waiting.pop(0)
                attempt = self._attempt(candidate)
                running[attempt.begun] = (candidate, attempt)
            soon_s = self._timeout_s if waiting else None
            done, _ = await asyncio.wait(running, timeout=soon_s, return_when=_FIRST)
            for begun in [future for future in running if future in done]:
                candidate, attempt = running[begun]
                if (error := begun.result()) is None:
                    self._overtake(attempt, [other for _, other in running.values()])
                    return attempt
                if not isinstance(error, ModelRequestError | BreakerOpenError):
                    raise error
                del running[begun]
                failed.append((candidate, error))
        return failed

    def _attempt(self, candidate: AnswerCandidate) -> ProviderAttempt:
        attempt = ProviderAttempt(
            candidate.provider,
            candidate.model,
            self._messages,
            self._tools,
            is_own=candidate.is_own,
            clock=self._clock,
        )
        self._attempts.append(attempt)
        return attempt

    def _overtake(self, winner: ProviderAttempt, running: Sequence[ProviderAttempt]) -> None:
        """Those asked before the winner were slow; those asked after it are not needed."""
        earlier = True
        for attempt in running:
            if attempt is winner:
                earlier = False
            elif earlier:
                attempt.overtaken()
            else:
                attempt.give_up()


def _may_answer_later(error: Exception) -> bool:
    return isinstance(error, ModelRequestError) and error.retryable


def _told(errors: Sequence[Exception]) -> ModelRequestError:
    """One error for all of them: the code of the first that was asked, the words of each."""
    ours = [error for error in errors if isinstance(error, ModelRequestError)]
    if not ours:
        return _left_alone(errors)
    if len(errors) == 1:
        return ours[0]
    return ModelRequestError(
        f"no language model answered: {'; '.join(map(str, errors))}",
        code=ours[0].code,
        retryable=any(error.retryable for error in ours),
    )


def _left_alone(errors: Sequence[Exception]) -> ModelRequestError:
    return ModelRequestError(
        f"no language model can be asked now: {'; '.join(map(str, errors))}",
        code="model_unavailable",
        retryable=True,
    )

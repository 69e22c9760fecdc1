"""The registry of a process's providers: in which order they are asked, and how they are doing."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace

from dialogue.messages import Message
from dialogue.model import ChatModel, OfferedTool, Piece
from dialogue.model_pace import ModelPace
from dialogue.providers.provider import Provider, ProviderHealth
from dialogue.providers.race import AnswerCandidate, AnswerRace
from parley.background import background
from parley.clock import Clock, monotonic

__all__ = ["ModelRegistry"]

SHORTEST_PAUSE_S = 1.0
"""Between checks, whatever is due: one that is left alone by its breaker stays due."""


class ModelRegistry:
    """Several providers, the first of which is asked first. Whoever makes it closes it."""

    def __init__(
        self,
        providers: Sequence[Provider],
        *,
        timeout_s: float,
        max_retries: int,
        check_every_s: float,
        clock: Clock = monotonic,
    ) -> None:
        """`timeout_s`: an answer that has not begun by then is asked of the next one too."""
        if not providers:
            raise ValueError("a registry needs at least one provider")
        self._providers = tuple(providers)
        self.timeout_s = timeout_s
        self.max_retries = max_retries
        self._check_every_s = check_every_s
        self.clock = clock

    def model(self, *, pace: ModelPace | None = None) -> ChatModel:
        """What a conversation asks; `pace` is told how soon its answers begin."""
        return RegistryModel(registry=self, pace=pace or ModelPace())

    @property
    def names(self) -> Sequence[str]:
        """In the order in which they are asked while all are well."""
        return [provider.name for provider in self._providers]

    @property
    def health(self) -> Mapping[str, ProviderHealth]:
        """By the last check or use of each."""
        return {provider.name: provider.health for provider in self._providers}

    def in_order(self, model: str | None = None) -> Sequence[Provider]:
        """Whom an answer is asked of: those that have the model of that name first, those that
        are known to be ill last."""
        return sorted(
            self._providers,
            key=lambda p: (p.health.healthy is False, model is not None and model not in p.models),
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Checks every provider at once and then whenever it was not used for a while."""
        async with background(self._checking(), name="model-checks"):
            yield

    async def check(self) -> None:
        """Asks every provider that was not heard of for `check_every_s`, all at once."""
        due = [provider for provider in self._providers if self._due_in_s(provider) <= 0.0]
        await asyncio.gather(*(provider.check() for provider in due))

    async def aclose(self) -> None:
        """Closes the connections to all of them."""
        for provider in self._providers:
            if provider.aclose is not None:
                await provider.aclose()

    def _due_in_s(self, provider: Provider) -> float:
        told_at_s = provider.health.told_at_s
        return 0.0 if told_at_s is None else told_at_s + self._check_every_s - self.clock()

    async def _checking(self) -> None:
        while True:
            await self.check()
            soonest_s = min(self._due_in_s(provider) for provider in self._providers)
            await asyncio.sleep(max(soonest_s, SHORTEST_PAUSE_S))


@dataclass(frozen=True, kw_only=True)
class RegistryModel:
    """The ChatModel of a registry: one conversation's, or one variant's of an experiment."""

    registry: ModelRegistry
    pace: ModelPace = field(default_factory=ModelPace, repr=False)
    name: str | None = None
    """None: each provider's own."""
    temperature: float | None = None
    """None: that of the settings."""

    def variant(
        self, *, model: str | None = None, temperature: float | None = None
    ) -> "RegistryModel":
        """See ChatModel. A provider that is not known to have the model is asked for its own,
        after those that have it; where none is known to, the first is asked for it."""
        return replace(
            self,
            name=model or self.name,
            temperature=self.temperature if temperature is None else temperature,
        )

    async def answer(
        self, messages: Sequence[Message], tools: Sequence[OfferedTool] = ()
    ) -> AsyncGenerator[Piece]:
        """See ChatModel."""
        registry = self.registry
        race = AnswerRace(
            self._candidates(),
            messages,
            tools,
            timeout_s=registry.timeout_s,
            max_retries=registry.max_retries,
            clock=registry.clock,
        )
        asked_s, has_begun = registry.clock(), False
        unread = self.pace.unread(messages)
        try:
            async with aclosing(race.pieces()) as pieces:
                async for piece in pieces:
                    if not has_begun:
                        has_begun = True
                        self.pace.began(registry.clock() - asked_s, unread=unread)
                        self.pace.has_read(messages)
                    yield piece
        except (GeneratorExit, asyncio.CancelledError):
            if not has_begun:
                self.pace.given_up(registry.clock() - asked_s, unread=unread)
            raise

    async def fill_prompt_cache(
        self, messages: Sequence[Message], tools: Sequence[OfferedTool] = ()
    ) -> str:
        """See ChatModel: of the provider that will be asked first."""
        why = await self._candidates()[0].model.fill_prompt_cache(messages, tools)
        if not why:
            self.pace.has_read(messages)
        return why

    async def learns_from_examples(self) -> bool:
        """See ChatModel: as the provider that will be asked first does."""
        return await self._candidates()[0].model.learns_from_examples()

    def _candidates(self) -> Sequence[AnswerCandidate]:
        providers = self.registry.in_order(self.name)
        have_it = [provider for provider in providers if self.name in provider.models]
        asked_for_it = [] if self.name is None else have_it or providers[:1]
        return [
            AnswerCandidate(
                provider,
                provider.model.variant(
                    model=self.name if provider in asked_for_it else None,
                    temperature=self.temperature,
                ),
                is_own=provider not in asked_for_it or provider in have_it,
            )
            for provider in providers
        ]

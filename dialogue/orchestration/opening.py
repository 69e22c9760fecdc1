"""What the settings want to be found out about a turn: who tells intents, who finds passages."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from dialogue.breakers.breaker import Breakers
from dialogue.embeddings.embedder import Embedder, open_embedder
from dialogue.intents.classifier import IntentClassifier
from dialogue.intents.opening import open_intents
from dialogue.orchestration.thinking import Grounds, IntentRule, Thinking
from dialogue.retrieval.opening import open_retriever
from dialogue.retrieval.retriever import Retriever
from dialogue.services.opening import open_services
from dialogue.services.services import Services
from parley.clock import Clock, monotonic
from parley.settings import OrchestratorSettings


def wants_embeddings(settings: OrchestratorSettings) -> bool:
    """Whether intents or documents are to be compared by their meaning here."""
    intents, retrieval = settings.intents, settings.retrieval
    return bool(
        (intents.file and not intents.url and intents.embeddings)
        or (retrieval.folder and not retrieval.url and retrieval.embeddings)
    )


@dataclass(kw_only=True)
class Knowledge:
    """What may be asked beside the model. Whoever opens it closes it."""

    classifier: IntentClassifier | None = None
    rules: Mapping[str, IntentRule] = field(default_factory=dict)
    retriever: Retriever | None = None
    embedder: Embedder | None = None

    @classmethod
    def open(cls, settings: OrchestratorSettings, breakers: Breakers | None = None) -> "Knowledge":
        """Connects to nothing yet. Raises ConfigurationError."""
        knowledge = cls()
        if wants_embeddings(settings):
            knowledge.embedder = open_embedder()
        opened = open_intents(
            settings.intents,
            knowledge.embedder,
            breaker=breakers.of("intents") if breakers is not None else None,
        )
        if opened is not None:
            knowledge.classifier, knowledge.rules = opened.classifier, opened.rules
        knowledge.retriever = open_retriever(
            settings.retrieval,
            knowledge.embedder,
            breaker=breakers.of("rag") if breakers is not None else None,
        )
        return knowledge

    def thinking(
        self,
        settings: OrchestratorSettings,
        *,
        on_grounds: Callable[[Grounds], None] = lambda grounds: None,
        clock: Clock = monotonic,
    ) -> Thinking | None:
        """None: there is nothing to ask."""
        thinking = Thinking(
            classifier=self.classifier,
            retriever=self.retriever,
            rules=self.rules,
            intent_within_s=settings.intents.timeout_ms / 1000,
            retrieval_within_s=settings.retrieval.timeout_ms / 1000,
            side_by_side=settings.orchestration.parallel,
            on_grounds=on_grounds,
            clock=clock,
        )
        return None if thinking.is_empty else thinking

    async def aclose(self) -> None:
        for part in (self.classifier, self.retriever):
            if part is not None:
                await part.aclose()
        if self.embedder is not None:
            await self.embedder.aclose()


@dataclass(frozen=True)
class Grounding:
    """What a grounded agent's conversation goes by."""

    thinking: Thinking | None
    services: Services | None


@asynccontextmanager
async def grounding(settings: OrchestratorSettings) -> AsyncGenerator[Grounding]:
    """Of one conversation that has a process of its own, as a call has. Raises
    ConfigurationError."""
    async with AsyncExitStack() as opened:
        knowledge = Knowledge.open(settings)
        opened.push_async_callback(knowledge.aclose)
        services = open_services(settings.services)
        if services is not None:
            opened.push_async_callback(services.aclose)
            services.start()
        yield Grounding(knowledge.thinking(settings), services)

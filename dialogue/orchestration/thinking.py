"""What is found out about a turn before the model answers: intent and passages, side by side."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from dialogue.intents.classifier import Intent, IntentClassifier
from dialogue.retrieval.retriever import Passage, Retriever
from parley.app.events import Grounded
from parley.clock import Clock, monotonic
from parley.errors import ParleyError

MAX_PASSAGE_CHARS = 1200
"""Of one passage, as the model is shown it."""

Kind = TypeVar("Kind")

_log = logging.getLogger(__name__)


class IntentRule(Protocol):
    """What an operator wants of an intent."""

    @property
    def instructions(self) -> str:
        """Added for the turns of this intent; may be empty."""
        ...

    @property
    def tools(self) -> Sequence[str]:
        """Names of the only tools that the model may call then; empty: all."""
        ...

    @property
    def answer(self) -> str:
        """Said as it stands, without a model; empty: the model answers."""
        ...


@dataclass(frozen=True, kw_only=True)
class Grounds:
    """What was found out. Times in milliseconds; None: it was not asked."""

    intent: Intent | None = None
    passages: Sequence[Passage] = ()
    rule: IntentRule | None = None
    intent_ms: float | None = None
    rag_ms: float | None = None
    parallel_ms: float = 0.0
    left_out: Mapping[str, str] = field(default_factory=dict)
    """"intent" or "retrieval", and why: "late" or "failed"."""

    @property
    def answer(self) -> str:
        return self.rule.answer if self.rule is not None else ""

    @property
    def tools(self) -> Sequence[str]:
        """The only ones that may be called; empty: all."""
        return self.rule.tools if self.rule is not None else ()

    @property
    def notes(self) -> str:
        """For the model, beside what the person said; empty: nothing is known."""
        parts = []
        if self.rule is not None and self.rule.instructions:
            parts.append(self.rule.instructions)
        if self.passages:
            shown = (f"[{p.source}] {p.text[:MAX_PASSAGE_CHARS]}" for p in self.passages)
            parts.append(
                "What the documents say, where it helps to answer (do not read it out, and do not "
                "mention that you looked it up):\n" + "\n\n".join(shown)
            )
        return "\n\n".join(parts)

    @property
    def event(self) -> Grounded:
        sources = tuple(dict.fromkeys(passage.source for passage in self.passages))
        return Grounded(
            intent=self.intent.name if self.intent is not None else "",
            confidence=self.intent.confidence if self.intent is not None else 0.0,
            sources=sources,
            intent_ms=self.intent_ms,
            retrieval_ms=self.rag_ms,
            took_ms=self.parallel_ms,
            left_out=self.left_out,
        )


@dataclass(frozen=True, kw_only=True)
class Thinking:
    """Asks both at once, each with its own deadline; what is late or fails is left out."""

    classifier: IntentClassifier | None = None
    retriever: Retriever | None = None
    rules: Mapping[str, IntentRule] = field(default_factory=dict)
    """By the names of intents."""
    intent_within_s: float = 0.1
    retrieval_within_s: float = 0.15
    side_by_side: bool = True
    clock: Clock = monotonic
    on_grounds: Callable[[Grounds], None] = lambda grounds: None
    """Is told of each, for the metrics."""

    @property
    def is_empty(self) -> bool:
        return self.classifier is None and self.retriever is None

    async def about(self, text: str) -> Grounds:
        """Never raises for what a classifier or a retriever does; may be cancelled."""
        began_s = self.clock()
        left_out: dict[str, str] = {}
        classifier, retriever = self.classifier, self.retriever
        intent_asked = self._asked(
            "intent",
            (lambda: classifier.classify(text)) if classifier is not None else None,
            self.intent_within_s,
            left_out,
        )
        passages_asked = self._asked(
            "retrieval",
            (lambda: retriever.query(text)) if retriever is not None else None,
            self.retrieval_within_s,
            left_out,
        )
        if self.side_by_side:
            async with asyncio.TaskGroup() as both:
                first = both.create_task(intent_asked, name="classify the intent")
                second = both.create_task(passages_asked, name="retrieve passages")
            (intent, intent_ms), (passages, rag_ms) = first.result(), second.result()
        else:
            (intent, intent_ms), (passages, rag_ms) = await intent_asked, await passages_asked
        grounds = Grounds(
            intent=intent,
            passages=passages or (),
            rule=self.rules.get(intent.name) if intent is not None else None,
            intent_ms=intent_ms,
            rag_ms=rag_ms,
            parallel_ms=self._since_ms(began_s),
            left_out=left_out,
        )
        self.on_grounds(grounds)
        return grounds

    async def _asked(
        self,
        name: str,
        ask: Callable[[], Awaitable[Kind]] | None,
        within_s: float,
        left_out: dict[str, str],
    ) -> tuple[Kind | None, float | None]:
        """The answer, where it came in time, and after how many milliseconds."""
        if ask is None:
            return None, None
        began_s = self.clock()
        found: Kind | None = None
        try:
            async with asyncio.timeout(within_s):
                found = await ask()
        except TimeoutError:
            left_out[name] = "late"
        except ParleyError as error:
            left_out[name] = "failed"
            _log.warning("%s is left out: %s", name, error)
        except Exception:  # a plug-in of anybody's: the answer is not lost for it
            left_out[name] = "failed"
            _log.exception("%s is left out", name)
        return found, self._since_ms(began_s)

    def _since_ms(self, began_s: float) -> float:
        return round((self.clock() - began_s) * 1000, 1)

"""What a classifier of intents is, wherever it runs."""

from dataclasses import dataclass
from typing import Protocol

from parley.errors import ParleyError

OUT_OF_SCOPE = "out_of_scope"
"""The name of what is none of the intents; no intent may be called so."""


class IntentError(ParleyError):
    """An intent that could not be told: the service is away, late, or answers nonsense."""


@dataclass(frozen=True)
class RankedIntent:
    """An intent that it may be as well; `confidence` from 0 to 1."""

    name: str
    confidence: float


@dataclass(frozen=True)
class Intent:
    """What a text was taken for; `name` is OUT_OF_SCOPE for none of the intents.

    `confidence`, from 0 to 1, is how sure the classifier is that the text is of the likeliest
    intent; below the classifier's threshold it is out of scope. `alternatives` are the likeliest
    others, best first; of what is out of scope they begin with the nearest intent.
    """

    name: str
    confidence: float
    alternatives: tuple[RankedIntent, ...] = ()

    @property
    def in_scope(self) -> bool:
        return self.name != OUT_OF_SCOPE


class IntentClassifier(Protocol):
    """Tells intents; one object serves all sessions of a process."""

    async def classify(self, text: str) -> Intent:
        """The intent of a text; it may be cancelled at any time. Raises IntentError."""
        ...

    async def aclose(self) -> None: ...

"""The configured language model, as an engine of an app's own may ask it."""

from collections.abc import AsyncGenerator, Mapping
from typing import Protocol

from pydantic import JsonValue

from parley.errors import ParleyError


class LanguageModelError(ParleyError):
    """The model could not be asked, or gave nothing that can be used.

    `code` is for programs ("model_unreachable", "model_busy", …), `retryable`: the same request
    may succeed a little later.
    """

    def __init__(self, message: str, *, code: str, retryable: bool) -> None:
        super().__init__(message)
        self.code = code
        self.retryable = retryable


class LanguageModel(Protocol):
    """Writes a text, or fills a form; the history is the engine's own matter."""

    @property
    def fills_forms(self) -> bool:
        """Whether it is large enough to be trusted with `fill`: the small model of one machine is
        not."""
        ...

    def write(self, instructions: str, text: str) -> AsyncGenerator[str]:
        """What it writes to `text`, piece by piece, as it is made. Closing the generator ends the
        request. Raises LanguageModelError."""
        ...

    async def fill(
        self, instructions: str, text: str, schema: Mapping[str, JsonValue]
    ) -> Mapping[str, JsonValue]:
        """An object of the JSON schema, which has a "title" and a "description", filled from
        `text`. It is checked for being JSON, not against the schema. Raises LanguageModelError."""
        ...

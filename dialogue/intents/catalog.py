"""The intents of an operator: examples of each, and what the agent does then."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from dialogue.intents.classifier import OUT_OF_SCOPE
from parley.errors import ConfigurationError
from parley.settings.source import Section, load


def _said(text: str) -> str:
    if not text.strip():
        raise ValueError("expected what a person may say")
    return text.strip()


def _name(text: str) -> str:
    if text == OUT_OF_SCOPE or not text.strip():
        raise ValueError(f"an intent cannot be called {text!r}")
    return text


Example = Annotated[str, AfterValidator(_said)]


class DeclaredIntent(Section):
    """One intent: some ten examples tell it well, more tell it better."""

    examples: tuple[Example, ...] = Field(min_length=1, description="what people say who want it")
    instructions: str = Field("", description="what the model is told for such a turn")
    tools: tuple[str, ...] = Field(
        (), description="names of the only tools that the model may call then; empty: all"
    )
    answer: str = Field("", description="said as it stands, without the model; empty: it answers")

    @model_validator(mode="after")
    def _either(self) -> Self:
        if self.answer and (self.instructions or self.tools):
            raise ValueError("an intent has an answer, or instructions and tools for the model")
        return self


class IntentCatalog(Section):
    """All intents by name."""

    intents: dict[Annotated[str, AfterValidator(_name)], DeclaredIntent] = Field(
        default_factory=dict, description="by name"
    )
    out_of_scope: tuple[Example, ...] = Field(
        (), description="what people say that is none of them; may be empty"
    )

    @model_validator(mode="after")
    def _of_one_intent(self) -> Self:
        seen: dict[str, str] = dict.fromkeys(map(str.casefold, self.out_of_scope), OUT_OF_SCOPE)
        for name, intent in self.intents.items():
            for example in intent.examples:
                other = seen.setdefault(example.casefold(), name)
                if other != name:
                    raise ValueError(f"{example!r} is an example of {other} and of {name}")
        return self

    @property
    def rules(self) -> Mapping[str, DeclaredIntent]:
        """What an operator wants of each."""
        return self.intents


def load_catalog(file: Path) -> IntentCatalog:
    """Raises ConfigurationError, with file, line and key; also for a file that is not there."""
    if not file.is_file():
        raise ConfigurationError(f"{file} is not there: intents.file names the file of intents")
    return load(IntentCatalog, file)

"""The YAML file of `./run eval`: conversations, and what is expected of the agent in each turn."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, JsonValue, model_validator

from parley.app.loading import AppReference
from parley.errors import ConfigurationError
from parley.settings.document import shortened
from parley.settings.source import Section, load

Seconds = Annotated[float, Field(gt=0, le=600)]
Words = tuple[Annotated[str, Field(min_length=1)], ...]

NO_TOOLS = "none"


class ExpectedCall(Section):
    """A tool that is called; of its arguments those that are named must be so."""

    name: str
    arguments: Mapping[str, JsonValue] = {}
    outcome: str = ""
    """done, failed, cancelled or refused; empty: any."""


def _by_name(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


def _none_is_empty(value: Any) -> Any:
    return () if value == NO_TOOLS else value


def _as_list(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _is_pattern(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"no regular expression: {error}") from None
    return value


class Said(Section):
    """What the answer is like; letter case does not matter."""

    words: Annotated[Words, BeforeValidator(_as_list)] = ()
    pattern: Annotated[str, BeforeValidator(_is_pattern)] = ""
    without: Annotated[Words, BeforeValidator(_as_list)] = Field((), alias="not")
    judge: str = ""
    """A statement that a judging model holds for true of the answer."""


class Expected(Section):
    """What is checked in one answer; None: nothing."""

    tools: Annotated[
        tuple[Annotated[ExpectedCall, BeforeValidator(_by_name)], ...] | None,
        BeforeValidator(_none_is_empty),
    ] = None
    """Called in this order, others perhaps between them; empty: no tool is called."""
    said: Said | None = None
    within_s: Seconds | None = None
    """To the first text, or by voice from the end of the caller's speech to the first sound."""


class Spoken(Expected):
    """Words of the person: a text, or a recording of it (beside the eval file) for a voice."""

    say: str = ""
    file: str = ""

    @model_validator(mode="after")
    def _has_words(self) -> "Spoken":
        if not self.say.strip() and not self.file:
            raise ValueError("needs `say` (a text) or `file` (a recording)")
        return self


class ScriptedInterrupt(Spoken):
    """Said `after_s` seconds into the answer, which must end then; checks are of the new answer."""

    after_s: Annotated[float, Field(ge=0, le=600)] = 1.0


class ScriptedTurn(Spoken):
    """One turn, and perhaps an interruption of the answer to it."""

    interrupt: ScriptedInterrupt | None = None


class ScriptedConversation(Section):
    """Turns one after the other, in a session of their own."""

    name: str = ""
    approve: bool = False
    """By text: tool calls that need approval are approved; else they are refused."""
    turns: Annotated[tuple[ScriptedTurn, ...], Field(min_length=1)]


class EvalFile(Section):
    """The whole file. `app` as `./run chat --app` takes it, a file being one of this folder."""

    app: str = ""
    caller_voice: str = ""
    """By voice: who speaks the texts; empty: the voice of the settings."""
    conversations: Annotated[tuple[ScriptedConversation, ...], Field(min_length=1)]

    @property
    def spoken(self) -> list[Spoken]:
        """All that is said to the agent, in its order."""
        return [
            words
            for conversation in self.conversations
            for turn in conversation.turns
            for words in (turn, turn.interrupt)
            if words is not None
        ]


def read_eval(file: Path) -> EvalFile:
    """Raises ConfigurationError with file, line and key; recordings must be there."""
    if not _is_file(file):
        raise ConfigurationError(f"{file}: there is no such file")
    found = load(EvalFile, file)
    for words in found.spoken:
        if words.file and not _is_file(file.parent / words.file):
            raise ConfigurationError(f"{file}: {shortened(words.file)}: there is no such recording")
    return found


def _is_file(file: Path) -> bool:
    try:
        return file.is_file()
    except OSError:  # a name that is too long
        return False


def app_of(evaluation: EvalFile, file: Path, chosen: str) -> str:
    """The app that the command line or else the file names; empty: that of the settings.

    Raises AppError for what cannot be one.
    """
    if chosen:
        return str(AppReference.parse(chosen)) if _is_reference(chosen) else chosen
    if evaluation.app and _is_reference(evaluation.app):
        return str(AppReference.parse(evaluation.app, folder=file.absolute().parent))
    return evaluation.app


def _is_reference(name: str) -> bool:
    """Whether it is a file or module, and not merely a name in agent.apps."""
    return not re.fullmatch(r"[\w-]+", name)

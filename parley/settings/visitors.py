"""Settings of what a visitor is shown before a call, and may choose for it."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from parley.settings.source import Section
from parley.settings.values import AppName

MAX_INSTRUCTIONS_CHARS = 2000
"""Of instructions that a caller may write; an access token carries them."""


class CharacterSection(Section):
    """Who the agent may be in one call, under visitors.characters.NAME."""

    title: str = Field("", max_length=60, description="as the page shows it; empty: NAME")
    instructions: str = Field(
        min_length=1, max_length=8000, description="what the LLM is told in place of agent's"
    )
    greeting: str | None = Field(
        None, description="said first; empty: nothing; not given: agent.greeting"
    )
    voice: str = Field("", max_length=200, description="empty: the call's usual one")


_SPOKEN = (
    "You are heard, not read: reply in one or two short, natural sentences without lists, markdown "
    "or emoji. What you hear comes from speech recognition and may contain mistakes."
)

DEFAULT_CHARACTERS: Mapping[str, CharacterSection] = {
    "tutor": CharacterSection(
        title="English tutor",
        instructions=(
            "You are a patient English tutor on the phone. Let the other person talk about "
            "their day, ask one simple question at a time, and where they make a mistake say "
            f"the sentence again as it should be. {_SPOKEN}"
        ),
        greeting="Hello! Let us practice some English. How was your day?",
    ),
    "storyteller": CharacterSection(
        title="Storyteller",
        instructions=(
            "You are a storyteller on the phone. Tell one story in small pieces, and after each "
            f"piece ask what should happen next; go on with what they say. {_SPOKEN}"
        ),
        greeting="Shall I tell you a story? Tell me who it should be about.",
    ),
    "interviewer": CharacterSection(
        title="Job interviewer",
        instructions=(
            "You are interviewing the other person for a job that they name. Ask one question "
            "at a time, listen, and say in a few words what was good about the answer before "
            f"you ask the next one. {_SPOKEN}"
        ),
        greeting="Good to meet you. Which job are you applying for?",
    ),
}

DEFAULT_QUESTIONS = (
    "How do I make a good cup of tea?",
    "Why is the sky blue?",
    "Tell me something about the moon.",
)


class VisitorsSection(Section):
    """For agents that leave their instructions to the settings; others have their own."""

    questions: tuple[Annotated[str, Field(min_length=1, max_length=200)], ...] = Field(
        DEFAULT_QUESTIONS,
        max_length=8,
        description="examples of what may be asked; an agent may declare its own",
    )
    characters: Mapping[AppName, CharacterSection] = Field(
        DEFAULT_CHARACTERS,
        description="NAME: title, instructions, greeting, voice; who the agent may be in a call. "
        "{}: nobody else",
    )
    may_instruct: bool = Field(
        False,
        description="whether callers may write the instructions of their call; they are then shown "
        "those that are set",
    )

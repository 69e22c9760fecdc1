"""Settings of chats by text."""

from typing import Annotated

from pydantic import Field

from parley.settings.source import Env, Section


class ChatSection(Section):
    """Of /ws/chat."""

    debug: Annotated[bool, Env("DEBUG")] = Field(
        False, description="whether /debug/connections tells who is connected"
    )

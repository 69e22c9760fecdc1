"""What a client asks for when it wants a call: LiveKit's standard request, and our own fields."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from parley.settings.visitors import MAX_INSTRUCTIONS_CHARS

RESERVED_ATTRIBUTES = ("lk.", "parley.")
MAX_ATTRIBUTES = 32

_PRINTABLE = r"^[^\x00-\x1f\x7f]*$"
Name = Annotated[str, StringConstraints(max_length=64, pattern=_PRINTABLE)]
"""Of a room or an identity."""
_WITHOUT_CONTROLS = r"^[^\x00-\x08\x0b-\x1f\x7f]*$"
Instructions = Annotated[
    str, StringConstraints(max_length=MAX_INSTRUCTIONS_CHARS, pattern=_WITHOUT_CONTROLS)
]
"""With line breaks and tabs, and no other control characters."""
Text = Annotated[str, StringConstraints(max_length=4096)]
AttributeKey = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=_PRINTABLE)]
AttributeValue = Annotated[str, StringConstraints(max_length=1024)]


def _ours_are_free(attributes: dict[str, str]) -> dict[str, str]:
    reserved = [key for key in attributes if key.startswith(RESERVED_ATTRIBUTES)]
    if reserved:
        raise ValueError(
            f"attributes that begin with {' or '.join(RESERVED_ATTRIBUTES)} are not the client's: "
            f"{', '.join(reserved)}"
        )
    return attributes


Attributes = Annotated[
    dict[AttributeKey, AttributeValue],
    Field(max_length=MAX_ATTRIBUTES),
    AfterValidator(_ours_are_free),
]


class _Request(BaseModel):
    """Fields that are not known are ignored: LiveKit's request grows."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class AgentRequest(_Request):
    """The agent that a client wants in its room."""

    agent_name: Name | None = None
    metadata: Text | None = None


class RoomConfigRequest(_Request):
    """Of LiveKit's RoomConfiguration what a client has a say in."""

    agents: Annotated[list[AgentRequest], Field(max_length=1)] | None = None


class TokenRequest(_Request):
    """LiveKit's TokenSourceRequest, every field optional, and eight of our own.

    `voice` is a name that /api/voices lists; empty or absent: the default voice. `record`: the
    agent sends the caller what its turn-taking saw and decided. `app` is a name of the settings'
    agent.apps. `session` is what an earlier answer called so: the conversation goes on. `resumed`:
    the call of that session was lost, so that its agent says that it is back. `character` is a name
    of visitors.characters; `instructions` are the caller's own, where visitors.may_instruct allows
    it.
    """

    room_name: Name | None = None
    participant_identity: Name | None = None
    participant_name: Name | None = None
    participant_metadata: Text | None = None
    participant_attributes: Attributes | None = None
    room_config: RoomConfigRequest | None = None

    voice: Annotated[str, Field(max_length=200)] | None = None
    record: bool = False
    app: Name | None = None
    session: Annotated[str, Field(max_length=200)] | None = None
    resumed: bool = False
    character: Name | None = None
    instructions: Instructions | None = None

    @property
    def agent(self) -> AgentRequest:
        """The agent that is asked for; without fields where none is."""
        agents = (self.room_config and self.room_config.agents) or ()
        return agents[0] if agents else AgentRequest()

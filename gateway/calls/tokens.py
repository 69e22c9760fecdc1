"""Access tokens: each opens one room, for one caller, for a few minutes."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from livekit import api

from gateway.calls.session_keys import SessionKey, SessionKeys
from parley.errors import ConfigurationError
from parley.room_events import DispatchMetadata
from parley.settings.orchestrator import LiveKitSection

TOKEN_TTL = timedelta(minutes=10)
"""Time to join; LiveKit lets a call in progress outlive its token."""

MIN_SECRET_CHARACTERS = 32
EMPTY_TIMEOUT_S = 30
DEPARTURE_TIMEOUT_S = 5
"""How long an agent's place is kept for a person whose connection is lost, after the 20 s in which
LiveKit itself waits. Who comes back later, with the same token, goes on with another agent."""
MAX_PARTICIPANTS = 2
"""The caller, and the caller again after a lost connection; LiveKit does not count agents."""
MAX_SHARED_PARTICIPANTS = 16

SESSION_ATTRIBUTE = "parley.session"
"""Of the caller: the conversation's id. A client can change it; the agent is told it directly."""


@dataclass(frozen=True)
class CallAccess:
    """What a client needs to enter its call. `session`: what it needs to go on with it later."""

    url: str
    token: str
    room: str
    identity: str
    session: str


@dataclass(frozen=True)
class CallWish:
    """How a call is wanted. What comes from the client is bounded, and grants it nothing.

    `record`: the agent sends the caller what its turn-taking saw and decided. `session`: None for
    a conversation that begins; `resumed`: its last call was lost. `attributes` of the person;
    `agent_metadata` is handed to the agent, and so are `character` and `instructions`, as far as
    the settings allow them. `budget`: on whose account what happens in the call goes
    (parley/budgets.py); `longest_s`: seconds after which it ends.
    """

    voice: str = ""
    record: bool = False
    app: str = ""
    session: SessionKey | None = None
    resumed: bool = False
    room: str = ""
    identity: str = ""
    name: str = ""
    metadata: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    agent_metadata: str = ""
    budget: str = ""
    longest_s: float | None = None
    character: str = ""
    instructions: str = ""


class CallTokens:
    """Grants access to rooms of the LiveKit server in the settings."""

    def __init__(self, settings: LiveKitSection, *, shared_rooms: bool = False) -> None:
        """With `shared_rooms` a room that is asked for by name is that room.

        Raises ConfigurationError for keys that cannot work.
        """
        secret = settings.api_secret.get_secret_value()
        if not settings.api_key or not secret:
            raise ConfigurationError(
                "LIVEKIT_API_KEY and LIVEKIT_API_SECRET are not set; `./run up` makes them"
            )
        if len(secret) < MIN_SECRET_CHARACTERS:
            raise ConfigurationError(
                f"LIVEKIT_API_SECRET has {len(secret)} characters; LiveKit wants "
                f"at least {MIN_SECRET_CHARACTERS}"
            )
        self.url = settings.public_url or settings.url
        self._settings = settings
        self._shared_rooms = shared_rooms
        self.sessions = SessionKeys(secret)

    def grant(self, wish: CallWish | None = None) -> CallAccess:
        """Access to a room with the agent in it.

        The identity is the wish made unique, so that nobody can pass for another or throw them
        out; so is the room, unless rooms are shared.
        """
        wish = wish or CallWish()
        room = wish.room if self._shared_rooms and wish.room else _unique(wish.room or "parley")
        identity = _unique(wish.identity or "caller")
        session = wish.session or self.sessions.new()
        token = (
            api.AccessToken(self._settings.api_key, self._settings.api_secret.get_secret_value())
            .with_identity(identity)
            .with_name(wish.name)
            .with_metadata(wish.metadata)
            .with_attributes({**wish.attributes, SESSION_ATTRIBUTE: session.id})
            .with_ttl(TOKEN_TTL)
            .with_grants(_grants(room))
            .with_room_config(self._room_config(wish, identity, session.id))
            .to_jwt()
        )
        return CallAccess(
            url=self.url, token=token, room=room, identity=identity, session=session.key
        )

    def _room_config(self, wish: CallWish, identity: str, session: str) -> api.RoomConfiguration:
        metadata = DispatchMetadata(
            voice=wish.voice,
            record=wish.record,
            session=session,
            app=wish.app,
            user=identity,
            resumed=wish.resumed and wish.session is not None,
            attributes=dict(wish.attributes),
            metadata=wish.agent_metadata,
            budget=wish.budget,
            longest_s=wish.longest_s,
            character=wish.character,
            instructions=wish.instructions,
        )
        dispatch = api.RoomAgentDispatch(
            agent_name=self._settings.agent_name, metadata=metadata.model_dump_json()
        )
        return api.RoomConfiguration(
            empty_timeout=EMPTY_TIMEOUT_S,
            departure_timeout=DEPARTURE_TIMEOUT_S,
            max_participants=MAX_SHARED_PARTICIPANTS if self._shared_rooms else MAX_PARTICIPANTS,
            agents=[dispatch],
        )


def _unique(name: str) -> str:
    return f"{name}-{secrets.token_hex(8)}"


def _grants(room: str) -> api.VideoGrants:
    return api.VideoGrants(
        room_join=True,
        room=room,
        can_publish=True,
        can_publish_sources=["microphone"],
        can_publish_data=True,
        can_subscribe=True,
        can_update_own_metadata=True,  # LiveKit's clients tell of themselves in attributes
    )

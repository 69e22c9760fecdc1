"""Access tokens: each opens one room, for one caller, for a few minutes."""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

from livekit import api

from parley.errors import ConfigurationError
from parley.room_events import DispatchMetadata
from parley.settings.orchestrator import LiveKitSection

TOKEN_TTL = timedelta(minutes=10)
"""Time to join; LiveKit lets a call in progress outlive its token."""

MIN_SECRET_CHARACTERS = 32
EMPTY_TIMEOUT_S = 30
DEPARTURE_TIMEOUT_S = 15
MAX_PARTICIPANTS = 2
"""The caller, and the caller again after a lost connection; LiveKit does not count agents."""


@dataclass(frozen=True)
class CallAccess:
    """What a client needs to enter its call."""

    url: str
    token: str
    room: str
    identity: str


class CallTokens:
    """Grants access to fresh rooms of the LiveKit server in the settings."""

    def __init__(self, settings: LiveKitSection) -> None:
        """Raises ConfigurationError for keys or an address that cannot work."""
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
        address = urlsplit(self.url)
        if address.scheme not in ("ws", "wss") or not address.hostname:
            raise ConfigurationError(
                f"livekit.public_url (or livekit.url) is {self.url!r}; "
                "browsers need ws://host:port or wss://host"
            )
        self._settings = settings

    def grant(self, *, voice: str = "", record: bool = False) -> CallAccess:
        """Access to a room of its own, where the agent will speak with `voice`.

        `record`: the agent sends the caller what its turn-taking saw and decided.
        """
        room = f"parley-{secrets.token_hex(8)}"
        identity = f"caller-{secrets.token_hex(8)}"
        dispatch = api.RoomAgentDispatch(
            agent_name=self._settings.agent_name,
            metadata=DispatchMetadata(voice=voice, record=record).model_dump_json(),
        )
        token = (
            api.AccessToken(self._settings.api_key, self._settings.api_secret.get_secret_value())
            .with_identity(identity)
            .with_ttl(TOKEN_TTL)
            .with_grants(
                api.VideoGrants(
                    room_join=True,
                    room=room,
                    can_publish=True,
                    can_publish_sources=["microphone"],
                    can_publish_data=True,
                    can_subscribe=True,
                    can_update_own_metadata=False,
                )
            )
            .with_room_config(
                api.RoomConfiguration(
                    empty_timeout=EMPTY_TIMEOUT_S,
                    departure_timeout=DEPARTURE_TIMEOUT_S,
                    max_participants=MAX_PARTICIPANTS,
                    agents=[dispatch],
                )
            )
            .to_jwt()
        )
        return CallAccess(url=self.url, token=token, room=room, identity=identity)

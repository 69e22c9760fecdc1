"""Keys to conversations: only whom the gateway gave one to can go on with its conversation."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass

_PURPOSE = b"parley session key\0"


@dataclass(frozen=True)
class SessionKey:
    """`id` names the conversation everywhere; `key` opens it, and only its person has it."""

    id: str
    key: str


class SessionKeys:
    """Signs with `secret`: gateways with the same one take each other's keys."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def new(self) -> SessionKey:
        """A conversation that has not begun."""
        return self._key(f"s-{secrets.token_hex(16)}")

    def known(self, key: str) -> SessionKey | None:
        """The conversation that `key` opens; None where no gateway of ours made the key."""
        ours = self._key(key.partition(".")[0])
        return ours if hmac.compare_digest(ours.key.encode(), key.encode()) else None

    def _key(self, session_id: str) -> SessionKey:
        digest = hmac.new(self._secret, _PURPOSE + session_id.encode(), hashlib.sha256)
        return SessionKey(session_id, f"{session_id}.{digest.hexdigest()[:32]}")

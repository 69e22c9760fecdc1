"""A key: its text, which its holder alone has, and what we keep of it."""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from enum import StrEnum

_PREFIX = "parley"
_TEXT = re.compile(rf"{_PREFIX}_([0-9a-f]{{12}})_[A-Za-z0-9_-]{{43}}")
_PURPOSE = b"parley api key\0"


class KeyScope(StrEnum):
    """What a key may be used for."""

    CONVERSE = "converse"
    """Conversations, and what they stand on: intents, retrieval."""
    OPERATE = "operate"
    """What operators see and change: configuration, circuit breakers, metrics, sessions."""
    EXPERIMENT = "experiment"
    APPROVE = "approve"
    """Deciding on what waits for a person."""


@dataclass(frozen=True, kw_only=True)
class IssuedKey:
    """As it is kept: `digest` tells its text apart from any other, and cannot be turned back."""

    id: str
    name: str
    """Whose it is, or what for."""
    digest: str
    scopes: tuple[KeyScope, ...]
    per_minute: int | None
    """None: as the settings say."""
    created_at_s: float
    expires_at_s: float | None
    revoked_at_s: float | None = None

    def is_valid(self, now_s: float) -> bool:
        """`now_s`: seconds since 1970."""
        is_expired = self.expires_at_s is not None and now_s >= self.expires_at_s
        return self.revoked_at_s is None and not is_expired


@dataclass(frozen=True)
class NewKey:
    """`text` is shown once, and kept nowhere."""

    key: IssuedKey
    text: str


class KeySecret:
    """The secret that keys are hashed with: what is kept of a key is of no use without it."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def create(
        self,
        name: str,
        scopes: tuple[KeyScope, ...],
        *,
        per_minute: int | None,
        now_s: float,
        keep_s: float | None,
    ) -> NewKey:
        key_id = secrets.token_hex(6)
        text = f"{_PREFIX}_{key_id}_{secrets.token_urlsafe(32)}"
        key = IssuedKey(
            id=key_id,
            name=name,
            digest=self._digest(text),
            scopes=scopes,
            per_minute=per_minute,
            created_at_s=now_s,
            expires_at_s=None if keep_s is None else now_s + keep_s,
        )
        return NewKey(key, text)

    def is_of(self, text: str, key: IssuedKey) -> bool:
        """Whether this is the key's text; takes as long for a wrong one."""
        return hmac.compare_digest(self._digest(text), key.digest)

    def sign(self, text: str) -> str:
        """32 hexadecimal digits that only this secret makes of the text."""
        return hmac.new(self._secret, text.encode(), hashlib.sha256).hexdigest()[:32]

    def _digest(self, text: str) -> str:
        return hmac.new(self._secret, _PURPOSE + text.encode(), hashlib.sha256).hexdigest()


def id_in(text: str) -> str | None:
    """Of the key that this may be the text of; None: of none."""
    found = _TEXT.fullmatch(text)
    return found[1] if found else None

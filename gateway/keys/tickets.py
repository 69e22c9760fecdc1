"""Tickets: what opens one WebSocket, soon. Browsers cannot send a key with a WebSocket, and a URL
with a key in it stands in every log."""

import secrets
import time
from dataclasses import dataclass

from gateway.keys.key import KeySecret
from parley.clock import Clock
from parley.shared_redis import TIMEOUT_S, SharedRedis

PREFIX = "parley:ticket:"
_USE = """
if redis.call('SET', KEYS[1], 1, 'NX', 'PX', ARGV[1]) then return 1 end
return 0
"""


@dataclass(frozen=True)
class Ticket:
    """`text` opens a WebSocket within `expires_in_s`, once."""

    text: str
    expires_in_s: int


class Tickets:
    """Signed, so that any process takes another's. Over `redis_url` each opens one WebSocket of
    all processes; without, and while Redis is away, one of each process.

    `clock`: seconds since 1970. Raises ConfigurationError for a `redis_url` that is none.
    """

    def __init__(
        self,
        secret: KeySecret,
        *,
        ttl_s: int,
        redis_url: str = "",
        clock: Clock = time.time,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._secret = secret
        self._ttl_s = ttl_s
        self._clock = clock
        self._redis: SharedRedis | None = None
        if redis_url:
            self._redis = SharedRedis(redis_url, what="used tickets", timeout_s=timeout_s)
        self._used: dict[str, float] = {}

    def issue(self, key_id: str) -> Ticket:
        """For the holder of that key."""
        expires_at_ms = round((self._clock() + self._ttl_s) * 1000)
        claim = f"{key_id}.{expires_at_ms}.{secrets.token_hex(8)}"
        return Ticket(f"{claim}.{self._secret.sign(f'ticket {claim}')}", self._ttl_s)

    async def redeem(self, text: str) -> str | None:
        """The id of the key whose holder got it; None: it is none of ours, too old, or used."""
        claim, _, signature = text.rpartition(".")
        ours = self._secret.sign(f"ticket {claim}")
        if not secrets.compare_digest(ours.encode(), signature.encode()):
            return None
        key_id, expires_at_ms, _ = claim.split(".")
        left_s = int(expires_at_ms) / 1000 - self._clock()
        if left_s <= 0.0 or not await self._is_first_use(claim, left_s):
            return None
        return key_id

    async def aclose(self) -> None:
        if self._redis is not None:
            await self._redis.aclose()

    async def _is_first_use(self, claim: str, left_s: float) -> bool:
        now_s = self._clock()
        self._used = {used: until_s for used, until_s in self._used.items() if until_s > now_s}
        if claim in self._used:
            return False
        self._used[claim] = now_s + left_s
        if self._redis is None:
            return True
        kept_ms = max(1, round(left_s * 1000))
        first = await self._redis.run(_USE, [PREFIX + claim.rpartition(".")[2]], [kept_ms])
        return first is None or bool(first)

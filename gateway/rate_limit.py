"""How often one client may ask: a token bucket per address."""

from collections import OrderedDict

from gateway.identity import subscriber
from parley.clock import Clock, monotonic
from parley.token_bucket import TokenBucket

MAX_ADDRESSES = 10_000
"""Addresses remembered; the one heard of longest ago is forgotten first."""


class RateLimit:
    """Each address, or user, may ask `per_minute` times at once, and as many every minute after."""

    def __init__(self, *, per_minute: int, clock: Clock = monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def retry_after_s(self, who: str) -> int | None:
        """Takes one request of `who`: None if it may go on, else the seconds to wait."""
        key = subscriber(who)
        bucket = self._buckets.pop(key, None) or TokenBucket(self._per_minute, self._clock)
        self._buckets[key] = bucket
        if len(self._buckets) > MAX_ADDRESSES:
            self._buckets.popitem(last=False)
        return bucket.retry_after_s()

    def give_back(self, who: str) -> None:
        """One request of `who` is not counted after all."""
        if bucket := self._buckets.get(subscriber(who)):
            bucket.give_back()

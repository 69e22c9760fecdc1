"""How often one client may ask: a token bucket per address."""

from collections import OrderedDict
from ipaddress import IPv6Address, ip_address

from parley.clock import Clock, monotonic
from parley.token_bucket import TokenBucket

MAX_ADDRESSES = 10_000
"""Addresses remembered; the one heard of longest ago is forgotten first."""


class RateLimit:
    """Each address may ask `per_minute` times at once, and as many every minute after."""

    def __init__(self, *, per_minute: int, clock: Clock = monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def retry_after_s(self, address: str) -> int | None:
        """Takes one request of `address`: None if it may go on, else the seconds to wait."""
        key = _client(address)
        bucket = self._buckets.pop(key, None) or TokenBucket(self._per_minute, self._clock)
        self._buckets[key] = bucket
        if len(self._buckets) > MAX_ADDRESSES:
            self._buckets.popitem(last=False)
        return bucket.retry_after_s()

    def give_back(self, address: str) -> None:
        """One request of `address` is not counted after all."""
        if bucket := self._buckets.get(_client(address)):
            bucket.give_back()


def _client(address: str) -> str:
    """What counts as one client: an IPv6 subscriber holds a whole /64."""
    try:
        ip = ip_address(address)
    except ValueError:
        return address
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is None:
        return ip.exploded[:19]
    return address

from gateway import rate_limit
from gateway.rate_limit import RateLimit
from tests.gateway.conftest import TurnedClock


def test_one_address_does_not_use_up_another_ones_share() -> None:
    limit = RateLimit(per_minute=1, clock=TurnedClock())
    assert limit.retry_after_s("192.0.2.1") is None
    assert limit.retry_after_s("192.0.2.1") == 60
    assert limit.retry_after_s("192.0.2.2") is None


def test_an_ipv6_subscriber_is_one_client() -> None:
    limit = RateLimit(per_minute=1, clock=TurnedClock())
    assert limit.retry_after_s("2001:db8:0:1::1") is None
    assert limit.retry_after_s("2001:db8:0:1:ffff::2") is not None
    assert limit.retry_after_s("2001:db8:0:2::1") is None
    assert limit.retry_after_s("::ffff:192.0.2.1") is None
    assert limit.retry_after_s("::ffff:192.0.2.2") is None


def test_waiting_saves_up_no_more_than_a_minutes_share() -> None:
    clock = TurnedClock()
    limit = RateLimit(per_minute=3, clock=clock)
    clock.now_s = 3600.0
    answers = [limit.retry_after_s("192.0.2.1") for _ in range(4)]
    assert answers == [None, None, None, 20]


def test_many_addresses_cost_bounded_memory() -> None:
    limit = RateLimit(per_minute=1, clock=TurnedClock())
    for n in range(rate_limit.MAX_ADDRESSES + 100):
        limit.retry_after_s(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}")
    assert len(limit._buckets) == rate_limit.MAX_ADDRESSES

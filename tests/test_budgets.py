"""What one identity may use: counted to the unit, by all together, and told in words."""

import asyncio
import logging

import pytest
import redis
from pydantic import SecretStr

from parley.budgets import (
    MOST_ACCOUNTS,
    PREFIX,
    Budgets,
    Ledger,
    OwnLedger,
    SharedLedger,
    Spent,
    budgets_of,
    in_words,
)
from parley.settings import OrchestratorSettings
from parley.settings.budgets import BudgetsSection
from parley.settings.orchestrator import SessionsSection
from parley.settings.redis import RedisSection
from parley.shared_redis import AWAY_S
from testkit.redis_server import RedisServer

PATIENT_S = 20.0
"""What is promised here is no time: a busy machine may take it."""


class HandClock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def budgets(ledger: Ledger, **limits: int) -> Budgets:
    return Budgets(BudgetsSection.model_validate(limits), ledger)


@pytest.mark.parametrize("per_hour", [1, 3, 7, 120, 999])
async def test_exactly_as_many_as_the_settings_say_and_later_one_after_the_other(
    per_hour: int,
) -> None:
    clock = HandClock()
    ours = budgets(OwnLedger(clock=clock), calls_per_hour=per_hour)
    assert [await ours.spend(Spent.CALLS, "ann") for _ in range(per_hour)] == [None] * per_hour
    wait_s = await ours.spend(Spent.CALLS, "ann")
    assert wait_s is not None and wait_s <= 3600 / per_hour + 1
    assert await ours.spend(Spent.CALLS, "bob") is None, "another's budget is another's"
    clock.now_s += wait_s
    assert await ours.spend(Spent.CALLS, "ann") is None
    clock.now_s += 3600
    assert [await ours.spend(Spent.CALLS, "ann") for _ in range(per_hour)] == [None] * per_hour
    assert await ours.spend(Spent.CALLS, "ann") is not None


async def test_what_was_used_is_charged_also_beyond_what_there_was_and_is_paid_back() -> None:
    clock = HandClock()
    ours = budgets(OwnLedger(clock=clock), call_minutes_per_day=10)
    assert await ours.left(Spent.CALL_SECONDS, "ann") == 600
    await ours.charge(Spent.CALL_SECONDS, "ann", 590)
    assert await ours.wait_s(Spent.CALL_SECONDS, "ann", 10) is None
    wait_s = await ours.wait_s(Spent.CALL_SECONDS, "ann", 60)
    assert wait_s == 50 * 86_400 / 600
    await ours.charge(Spent.CALL_SECONDS, "ann", 310)  # two calls at once
    assert await ours.left(Spent.CALL_SECONDS, "ann") == 0
    clock.now_s += 86_400 / 2
    assert await ours.left(Spent.CALL_SECONDS, "ann") == 0
    clock.now_s += 60 * 86_400 / 600
    assert await ours.wait_s(Spent.CALL_SECONDS, "ann", 60) is None


async def test_what_is_given_back_may_be_used_again_and_no_more_than_that() -> None:
    ours = budgets(OwnLedger(clock=HandClock()), calls_per_hour=2)
    await ours.charge(Spent.CALLS, "ann", -5)
    assert [await ours.spend(Spent.CALLS, "ann") for _ in range(2)] == [None, None]
    await ours.charge(Spent.CALLS, "ann", -1)
    assert await ours.spend(Spent.CALLS, "ann") is None
    assert await ours.spend(Spent.CALLS, "ann") is not None


async def test_without_a_limit_or_an_identity_nothing_is_counted() -> None:
    ours = budgets(OwnLedger(), messages_per_hour=1)
    for _ in range(50):
        assert await ours.spend(Spent.CALLS, "ann") is None
        assert await ours.spend(Spent.MESSAGES, "") is None
    assert await ours.left(Spent.CALL_SECONDS, "ann") is None
    assert await ours.wait_s(Spent.CALL_SECONDS, "ann", 1e9) is None


async def test_many_identities_cost_bounded_memory() -> None:
    ledger = OwnLedger(clock=HandClock())
    ours = budgets(ledger, calls_per_hour=1)
    for number in range(MOST_ACCOUNTS + 100):
        await ours.spend(Spent.CALLS, str(number))
    assert len(ledger._full_at_s) == MOST_ACCOUNTS


@pytest.mark.parametrize(
    ("wait_s", "told"),
    [
        (1, "1 second"),
        (119, "119 seconds"),
        (120, "2 minutes"),
        (3601, "61 minutes"),
        (7201, "3 hours"),
    ],
)
def test_a_wait_is_told_in_words(wait_s: int, told: str) -> None:
    assert in_words(wait_s) == told


@pytest.mark.servers
async def test_gateways_over_one_redis_give_away_the_budget_once(redis_url: str) -> None:
    several = [
        budgets(SharedLedger(redis_url, timeout_s=PATIENT_S), calls_per_hour=7) for _ in range(3)
    ]
    asked = [several[number % 3].spend(Spent.CALLS, "ann") for number in range(30)]
    waits = await asyncio.gather(*asked)
    assert waits.count(None) == 7
    assert all(0 < wait <= 3600 / 7 + 1 for wait in waits if wait is not None)
    await several[0].charge(Spent.CALLS, "ann", -1)
    assert await several[1].spend(Spent.CALLS, "ann") is None
    assert await several[2].spend(Spent.CALLS, "ann") is not None
    name = f"{PREFIX}{Spent.CALLS}:ann"
    lasts_ms = redis.Redis.from_url(redis_url).pttl(name)
    assert isinstance(lasts_ms, int) and 0 < lasts_ms <= 3_601_000, "it goes by itself"
    for each in several:
        await each.aclose()


@pytest.mark.servers
async def test_without_redis_each_counts_by_itself_and_says_so_once(
    redis_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    clock = HandClock()
    ledger = SharedLedger(redis_server.url, clock=clock, timeout_s=PATIENT_S)
    ours = budgets(ledger, messages_per_hour=1)
    assert await ours.spend(Spent.MESSAGES, "ann") is None
    redis_server.stop()
    assert await ours.spend(Spent.MESSAGES, "bob") is None
    redis_server.start()
    assert await ours.spend(Spent.MESSAGES, "bob") is not None, "Redis is left alone for a while"
    assert caplog.text.count("the budgets are this process's own meanwhile") == 1
    clock.now_s += AWAY_S
    assert await ours.spend(Spent.MESSAGES, "ann") is None, "a Redis that came back empty"
    assert caplog.text.count("the budgets are shared again") == 1
    assert await ours.spend(Spent.MESSAGES, "ann") is not None
    await ours.aclose()


@pytest.mark.parametrize(
    ("settings", "together"),
    [
        (OrchestratorSettings(), False),
        (OrchestratorSettings(redis=RedisSection(url="redis://127.0.0.1:1/0")), True),
        (
            OrchestratorSettings(
                sessions=SessionsSection(store="redis", url=SecretStr("redis://127.0.0.1:1/0"))
            ),
            True,
        ),
        (
            OrchestratorSettings(
                sessions=SessionsSection(store="sql", url=SecretStr("sqlite:////nowhere"))
            ),
            False,
        ),
    ],
)
async def test_the_settings_say_whether_all_count_together(
    settings: OrchestratorSettings, together: bool
) -> None:
    ours = budgets_of(settings)
    assert isinstance(ours._ledger, SharedLedger) is together
    await ours.aclose()

"""What a process says of a session store that is away, and what a session's log does meanwhile."""

import logging

import pytest

from dialogue.session_log import SAME_WARNING_EVERY_S, StoredLog
from parley.app.session import Resumed
from tests.dialogue.conversing import KeptInMemory, record


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.name == "dialogue.session_log"]


async def test_a_store_that_is_away_is_told_of_once_a_minute_and_once_when_it_is_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    store, now_s = KeptInMemory(), 1000.0
    log = StoredLog(store, record(), created=False, clock=lambda: now_s)

    async def write(times: int) -> None:
        for _ in range(times):
            log.append(Resumed(at_s=now_s))
            await log.flush()

    await write(3)
    assert said(caplog) == []
    away = "session s1 is not kept: the store cannot be reached"
    back = "session s1 is kept again"
    store.fails = True
    await write(100)
    assert said(caplog) == [away]
    now_s += SAME_WARNING_EVERY_S
    await write(100)
    assert said(caplog) == [away, away]
    store.fails = False
    await write(3)
    assert said(caplog) == [away, away, back]
    store.fails = True
    await write(3)
    assert said(caplog) == [away, away, back, away]
    store.fails = False
    await log.flush()
    assert said(caplog) == [away, away, back, away, back]
    assert len(store.sessions["s1"][1]) == len(log.entries) == 209

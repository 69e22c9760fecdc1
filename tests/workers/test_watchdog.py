"""A blocked event loop is noticed; a busy or stopped one is not blamed."""

import asyncio
import threading
import time

import pytest

from workers.serving.watchdog import EventLoopWatchdog


async def test_blocked_event_loop_is_logged_and_given_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    given_up = threading.Event()
    with EventLoopWatchdog(warn_s=0.02, exit_s=0.06, tick_s=0.01, give_up=given_up.set):
        await asyncio.sleep(0)
        time.sleep(0.5)  # noqa: ASYNC251 (blocking is the point)
        assert given_up.is_set()
    assert "the event loop is blocked" in caplog.text


async def test_running_event_loop_is_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    given_up = threading.Event()
    with EventLoopWatchdog(warn_s=0.2, exit_s=0.4, tick_s=0.01, give_up=given_up.set):
        await asyncio.sleep(0.5)
    assert not given_up.is_set()
    assert "blocked" not in caplog.text

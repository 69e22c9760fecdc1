"""Whoever is to be told of calls is told, signed, in the end; no call waits for it."""

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import SecretStr

from agent.webhooks.outbox import MOST_WAITING, Outbox, leave, tell_of_lost_calls, waiting
from agent.webhooks.sender import WebhookSender
from agent.webhooks.signature import signed_headers
from parley.app.session import AgentSaid, Heard, PersonSaid
from parley.errors import ConfigurationError
from parley.records.lines import CallBegan, CallEnded, CallObjectives, ResponseBegan
from parley.room_events import TurnStages
from parley.settings.record import WebhookSection
from tests.agent.webhooks.receiver import SECRET, receiving

LONG_S = 60.0
BEGAN = CallBegan(
    at_s=1_000.0,
    id="20260101T000000-0123456789abcdef",
    session="s",
    user="ann",
    objectives=CallObjectives(response_ms=650, first_audio_ms=500, onset_to_silence_ms=300),
)


def left_in(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir()]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(LONG_S):
        while not condition():  # noqa: ASYNC110 - of another process or thread
            await asyncio.sleep(0.02)


@asynccontextmanager
async def sending(url: str, folder: Path, **settings: object) -> AsyncIterator[WebhookSender]:
    section = WebhookSection.model_validate(
        {"url": url, "secret": SECRET, "private": True, **settings}
    )
    sender = WebhookSender(section, folder, first_retry_s=0.05)
    task = asyncio.create_task(sender.run())
    try:
        yield sender
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def call(folder: Path) -> None:
    """A call of one turn, from its beginning to its end."""
    outbox = Outbox(folder, is_recorded=True)
    for line in (
        BEGAN,
        PersonSaid(at_s=1_002.0, turn_id="t1", text="What is the time?"),
        ResponseBegan(at_s=1_003.0, turn_id="t1", stages=TurnStages(total_ms=700)),
        AgentSaid(at_s=1_003.0, turn_id="t1", text="It is noon. And sunny."),
        Heard(at_s=1_004.0, turn_id="t1", text="It is noon.", interrupted=True),
        CallEnded(at_s=1_005.0),
    ):
        outbox.take(line)
    outbox.close()


async def test_a_call_is_told_in_three_events_with_what_was_heard(tmp_path: Path) -> None:
    async with receiving() as receiver, sending(receiver.url, tmp_path):
        await asyncio.to_thread(call, tmp_path)
        await until(lambda: len(receiver.events) == 3)
    started, turn, ended = sorted(
        receiver.events,
        key=lambda event: ("call.started turn.ended call.ended").find(event["type"]),
    )
    assert started["data"]["call"]["user"] == "ann"
    assert turn["data"]["turn"]["heard"] == "It is noon."
    assert turn["data"]["turn"]["interrupted"]
    assert turn["data"]["turn"]["over_ms"] == 50.0
    assert ended["data"]["call"]["length_s"] == 5.0
    assert ended["data"]["call"]["turns"] == 1
    assert ended["data"]["call"]["state"] == "ended"
    assert receiver.refused == 0
    assert left_in(tmp_path) == ["lock"]


def test_no_call_that_ends_is_taken_for_lost(tmp_path: Path) -> None:
    """The agent server looks for lost calls while calls begin and end."""
    calls = 300
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            tell_of_lost_calls(tmp_path)

    looking = [threading.Thread(target=look) for _ in range(3)]
    for thread in looking:
        thread.start()
    try:
        for _ in range(calls):
            call(tmp_path)
    finally:
        over.set()
        for thread in looking:
            thread.join()
    states = [
        event["data"]["call"].get("state")
        for event in (json.loads(file.read_text()) for file in waiting(tmp_path))
        if event["type"] == "call.ended"
    ]
    assert states == ["ended"] * calls


async def test_what_is_refused_comes_again_under_the_same_id(tmp_path: Path) -> None:
    async with receiving(500, 503, 302) as receiver:
        leave(tmp_path, {"type": "call.started", "data": {}})
        async with sending(receiver.url, tmp_path):
            await until(lambda: bool(receiver.events))
    assert len(receiver.attempts) == 4
    assert len(set(receiver.attempts)) == 1
    assert len(receiver.events) == 1


async def test_a_side_that_never_answers_is_given_up(tmp_path: Path) -> None:
    leave(tmp_path, {"type": "call.started", "data": {}})
    async with sending("http://127.0.0.1:9/", tmp_path, give_up_after_s=1):
        await until(lambda: left_in(tmp_path) == ["lock"])


async def test_what_was_left_before_the_agent_started_is_sent(tmp_path: Path) -> None:
    await asyncio.to_thread(call, tmp_path)
    async with receiving() as receiver, sending(receiver.url, tmp_path):
        await until(lambda: len(receiver.events) == 3)


_KILLED = """
import os, sys, signal
from pathlib import Path
from agent.webhooks.outbox import Outbox
from tests.agent.webhooks.test_webhooks import BEGAN
outbox = Outbox(Path(sys.argv[1]), is_recorded=False)
outbox.take(BEGAN)
outbox.close()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_end_of_a_call_whose_process_was_killed_is_told_once(tmp_path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", _KILLED, str(tmp_path)], check=False)
    assert killed.returncode == -9
    tell_of_lost_calls(tmp_path)
    tell_of_lost_calls(tmp_path)
    events = [json.loads(file.read_text()) for file in waiting(tmp_path)]
    assert [event["type"] for event in events] == ["call.started", "call.ended"]
    assert events[1]["data"]["call"]["state"] == "lost"


def test_a_call_that_goes_on_has_not_ended(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path, is_recorded=False)
    outbox.take(BEGAN)
    outbox.close()
    tell_of_lost_calls(tmp_path)
    assert len(waiting(tmp_path)) == 1


def test_what_nobody_takes_is_bounded(tmp_path: Path) -> None:
    for number in range(MOST_WAITING + 5):
        (tmp_path / f"{number:020}-x.json").write_text("{}")
    left = waiting(tmp_path)
    assert len(left) == MOST_WAITING
    assert left[0].name.startswith(f"{5:020}")


def test_the_signature_is_that_of_the_standards_own_example() -> None:
    """From the specification of Standard Webhooks and its libraries' tests."""
    headers = signed_headers(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        event_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        at_s=1614265330,
        body=b'{"test": 2432232314}',
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    "url", ["http://example.org/", "https://10.0.0.1/", "https://localhost/", "https://[::1]/"]
)
def test_private_targets_and_clear_text_must_be_wanted(url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"webhooks\.private"):
        WebhookSender(WebhookSection(url=url, secret=SecretStr(SECRET)), tmp_path)
    WebhookSender(WebhookSection(url=url, private=True), tmp_path)


async def test_a_name_that_leads_to_this_machine_is_not_followed(tmp_path: Path) -> None:
    """The machine's own name is looked up when the connection is made."""
    from agent.webhooks.targets import PublicResolver  # noqa: PLC0415

    resolver = PublicResolver()
    with pytest.raises(OSError, match="private network"):
        await resolver.resolve("localhost", 443)
    await resolver.close()


def test_a_secret_that_is_none_is_found_at_the_start() -> None:
    with pytest.raises(ValueError, match="whsec_"):
        WebhookSection.model_validate({"secret": "letmein"})

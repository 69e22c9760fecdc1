"""A call that ends by itself, in real rooms: nobody speaks, its time is over, it is hung up; or
its caller is no more."""

import asyncio
import json
import threading
import time
import urllib.request
from collections.abc import Iterator

import pytest

from caller import measure
from caller.access import request_access
from caller.client import RoomClient
from caller.conversation import CallConversation
from gateway.calls.tokens import DEPARTURE_TIMEOUT_S
from parley.audio import Audio
from parley.capacity import PATH, Capacity
from testkit.caller_process import caller_process
from testkit.fake_llm import (
    FakeLlm,
    Messages,
    ScriptedAnswer,
    ScriptedToolCall,
    last_user_text,
    tool_results,
)
from tests.agent.app_rooms import LONG_S, AppRooms, agent_words, end_of, hears
from tests.agent.conftest import ServedApps
from tests.agent.room_apps import CLOSING, GREETING
from tests.agent.test_room import spoken

pytestmark = [pytest.mark.servers, pytest.mark.e2e]

GOODBYE = "It was a pleasure to talk with you. Goodbye."
HEARD_OF_IT = 0.85
"""So much of the words must sound at the caller's ear: a synthesis differs from another."""
LIVEKIT_WAITS_S = 15.0
"""At least, for a participant whose process has gone: it looks every five seconds, for 20 s."""
LATE_S = 15.0
"""Of a loaded machine, and of those looks."""
ONSET_S = 0.3
"""The onset of a sound may lie so long before its words are in the transcript."""


@pytest.fixture(scope="module")
def rooms(served_apps: ServedApps) -> AppRooms:
    return served_apps.rooms


class FreedPlace:
    """Of a caller who is killed: watched beside all tests of this module, for it takes its time."""

    def __init__(self, rooms: AppRooms) -> None:
        server = rooms.stack.configuration.orchestrator.server
        self._capacity = f"http://127.0.0.1:{server.health_check_port}{PATH}"
        self._access = asyncio.run(
            request_access(f"http://127.0.0.1:{server.port}", app="hangs_up")
        )
        with caller_process(self._access):
            while not self._is_taken():
                time.sleep(0.1)  # another program's progress
        self._killed_s = time.monotonic()
        self._watching = threading.Thread(target=self._watch, daemon=True)
        self.after_s = 0.0
        self._watching.start()

    def wait(self) -> None:
        self._watching.join(LONG_S)

    def _is_taken(self) -> bool:
        with urllib.request.urlopen(self._capacity, timeout=10) as answer:
            return self._access.room in Capacity.model_validate(json.load(answer)).rooms

    def _watch(self) -> None:
        while self._is_taken():
            time.sleep(0.2)
        self.after_s = time.monotonic() - self._killed_s


@pytest.fixture(scope="module", autouse=True)
def freed_place(rooms: AppRooms) -> Iterator[FreedPlace]:
    yield FreedPlace(rooms)


def sounding_s(audio: Audio) -> float:
    """From the first audible sample to the last one."""
    sounds = measure.sounds(audio.samples, audio.sample_rate_hz, measure.AUDIBLE_DBFS)
    return (sounds[-1].end - sounds[0].start) / audio.sample_rate_hz if sounds else 0.0


async def assert_heard_before_the_end(
    client: RoomClient, rooms: AppRooms, text: str, *, since_s: float
) -> None:
    """The call has ended: the text has sounded at the ear from `since_s` to then."""
    ended_s = client.clock()
    heard_s = sounding_s(client.ear.between(since_s, ended_s))
    wanted_s = sounding_s(await spoken(rooms.stack, text))
    assert heard_s >= HEARD_OF_IT * wanted_s, f"{heard_s:.2f} s of {wanted_s:.2f} s were heard"


async def begins(client: RoomClient, words: str) -> float:
    """Waits until the words have begun to be heard, and says since when they sound."""
    assert await hears(client, words)
    return client.clock() - ONSET_S


async def test_who_says_nothing_is_asked_twice_and_the_call_ends(rooms: AppRooms) -> None:
    async with rooms.call(FakeLlm(), app="silent") as client:
        closing_s = await begins(client, "I have")
        assert agent_words(client).startswith(
            f"{GREETING} Are you still there? Can you hear me? I have"
        )
        await end_of(client)
        await assert_heard_before_the_end(client, rooms, CLOSING, since_s=closing_s)
        assert agent_words(client).endswith(CLOSING)


async def test_who_speaks_is_not_asked_again_before_they_are_silent_as_long(
    rooms: AppRooms,
) -> None:
    model = FakeLlm(lambda _: ScriptedAnswer(text="Of course I hear you."))
    async with rooms.call(model, app="silent") as client:
        assert await hears(client, "Are you still there?")
        await client.speak(await spoken(rooms.stack, "Yes, I am still here. Do you hear me?"))
        assert await hears(client, "Of course I hear you. Are you still there?")
        assert "Can you hear me?" not in agent_words(client)


async def test_a_call_whose_time_is_over_ends_with_the_closing(rooms: AppRooms) -> None:
    async with rooms.call(FakeLlm(), app="short") as client:
        closing_s = await begins(client, "I have")
        await end_of(client)
        await assert_heard_before_the_end(client, rooms, CLOSING, since_s=closing_s)
        assert agent_words(client) == f"{GREETING} {CLOSING}"


async def test_hanging_up_waits_until_the_goodbye_was_heard(rooms: AppRooms) -> None:
    def script(messages: Messages) -> ScriptedAnswer:
        if tool_results(messages):
            return ScriptedAnswer(text=GOODBYE)
        if "bye" in last_user_text(messages).lower():
            return ScriptedAnswer(calls=[ScriptedToolCall("hang_up")])
        return ScriptedAnswer(text="Of course.")

    async with rooms.call(FakeLlm(script), app="hangs_up") as client:
        await CallConversation(client).hear_greeting()
        await client.speak(await spoken(rooms.stack, "That was everything. Goodbye!"))
        goodbye_s = await begins(client, "It was")
        await end_of(client, timeout_s=LONG_S)
        await assert_heard_before_the_end(client, rooms, GOODBYE, since_s=goodbye_s)
        assert agent_words(client).endswith(GOODBYE)


async def test_who_takes_over_waits_and_asks_in_its_own_way(rooms: AppRooms) -> None:
    def script(messages: Messages) -> ScriptedAnswer:
        if "mechanic" in str(messages[0]["content"]):
            return ScriptedAnswer(text="Workshop here.")
        return ScriptedAnswer(calls=[ScriptedToolCall("hand_off_to_workshop")])

    async with rooms.call(FakeLlm(script), app="hands_over") as client:
        await CallConversation(client).hear_greeting()
        await client.speak(await spoken(rooms.stack, "My bicycle squeaks a little."))
        assert await hears(client, "Are you still holding the bicycle?")
        await end_of(client)
        assert agent_words(client).endswith("bicycle? The workshop closes now.")


def test_the_place_of_a_caller_who_was_killed_is_kept_for_a_while_and_then_free(
    freed_place: FreedPlace,
) -> None:
    """The last test of this module: meanwhile the others have run."""
    freed_place.wait()
    print(f"\nfree after {freed_place.after_s:.1f} s")
    assert LIVEKIT_WAITS_S < freed_place.after_s < LIVEKIT_WAITS_S + DEPARTURE_TIMEOUT_S + LATE_S

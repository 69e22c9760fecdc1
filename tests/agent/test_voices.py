"""A caller changes the voice to one that a worker really has."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import cast

import pytest
from livekit import rtc

from agent.room.voices import NOT_YOURS, TOO_MANY_CHANGES, VOICE_NOT_FOUND, VoiceControl
from agent.tts import WorkerTTS
from parley.budgets import without_limit
from parley.discovery import StaticDiscovery
from parley.errors import VoiceNotFoundError, WorkersBusyError, WorkerUnavailableError
from parley.room_events import SET_VOICE_METHOD
from parley.speech import SpeechPool
from testkit.fake_workers import SpeechWorker, serving
from testkit.isolated_config import free_ports


@asynccontextmanager
async def voices_at(
    targets: str,
    *,
    offered: tuple[str, ...] = (),
    spends: Callable[[], Awaitable[int | None]] = without_limit,
) -> AsyncGenerator[tuple[VoiceControl, WorkerTTS]]:
    discovery = StaticDiscovery(targets)
    async with SpeechPool(discovery) as pool:
        speaking = WorkerTTS(
            pool, voice="tone", default_voice="tone", speed=1.0, first_flush_words=3
        )
        yield VoiceControl(pool, speaking, offered=offered, spends=spends), speaking


async def test_the_next_reply_has_the_chosen_voice() -> None:
    async with serving(SpeechWorker()) as target, voices_at(target) as (voices, speaking):
        await voices.use("other")
        assert speaking.next_request().voice == "other"


async def test_what_the_caller_chose_is_told_from_what_an_agent_speaks_in() -> None:
    async with serving(SpeechWorker()) as target, voices_at(target) as (voices, speaking):
        await voices.use("other")
        assert voices.chosen == ""
        await voices.choose("tone")
        assert (voices.chosen, speaking.voice) == ("tone", "tone")
        with pytest.raises(VoiceNotFoundError):
            await voices.choose("nobody")
        assert voices.chosen == "tone"


async def test_an_unknown_voice_is_refused_with_those_there_are() -> None:
    async with serving(SpeechWorker()) as target, voices_at(target) as (voices, speaking):
        with pytest.raises(VoiceNotFoundError, match="tone, other"):
            await voices.choose("nobody")
        assert speaking.voice == "tone"


async def test_one_worker_that_has_the_voice_is_enough() -> None:
    (nobody,) = free_ports(1)
    async with (
        serving(SpeechWorker(voices=("tone",))) as poor,
        serving(SpeechWorker()) as rich,
        voices_at(f"{poor},{rich},127.0.0.1:{nobody}") as (voices, speaking),
    ):
        await voices.use("other")
        assert speaking.voice == "other"


async def test_without_a_worker_the_voice_stays() -> None:
    (nobody,) = free_ports(1)
    async with voices_at(f"127.0.0.1:{nobody}") as (voices, speaking):
        with pytest.raises(WorkerUnavailableError, match=r"other cannot be loaded at present$"):
            await asyncio.wait_for(voices.use("other"), 15)
        assert speaking.voice == "tone"


class Room:
    """Keeps what is registered; its only participant is itself."""

    def __init__(self) -> None:
        self.methods: dict[str, Callable[[rtc.RpcInvocationData], Awaitable[str]]] = {}

    @property
    def local_participant(self) -> "Room":
        return self

    def register_rpc_method(
        self, name: str, handler: Callable[[rtc.RpcInvocationData], Awaitable[str]]
    ) -> None:
        self.methods[name] = handler

    async def asks(self, payload: str, *, who: str = "ada") -> str:
        return await self.methods[SET_VOICE_METHOD](
            rtc.RpcInvocationData("request", who, payload, 10.0)
        )


def is_ada(identity: str) -> bool:
    return identity == "ada"


@pytest.mark.parametrize("who", ["bob", "", "ada-2", "Ada"])
@pytest.mark.parametrize("payload", ["other", "", "x" * 15_000])
async def test_only_whom_the_agent_talks_with_chooses_its_voice(who: str, payload: str) -> None:
    async with serving(SpeechWorker()) as target, voices_at(target) as (voices, speaking):
        room = Room()
        voices.serve(cast(rtc.Room, room), talks_with=is_ada)
        with pytest.raises(rtc.RpcError) as refused:
            await room.asks(payload, who=who)
        assert refused.value.code == NOT_YOURS
        assert speaking.voice == "tone"


@pytest.mark.parametrize(
    "payload",
    ["x" * 15_000, "tone" * 51, "v" * 1_000_000, "\0", "💬" * 200, "../../tone", "nobody"],
)
async def test_whatever_a_client_asks_for_it_is_told_in_words(payload: str) -> None:
    async with serving(SpeechWorker()) as target, voices_at(target) as (voices, speaking):
        room = Room()
        voices.serve(cast(rtc.Room, room), talks_with=is_ada)
        with pytest.raises(rtc.RpcError) as refused:
            await room.asks(payload)
        assert refused.value.code == VOICE_NOT_FOUND
        assert speaking.voice == "tone"
        assert await room.asks("other") == "other"


async def test_who_has_changed_the_voice_often_enough_keeps_it_and_may_have_the_default() -> None:
    waits: list[int | None] = [None, 1800]

    async def spends() -> int | None:
        return waits.pop(0)

    async with (
        serving(SpeechWorker()) as target,
        voices_at(target, spends=spends) as (voices, _),
    ):
        room = Room()
        voices.serve(cast(rtc.Room, room), talks_with=is_ada)
        assert await room.asks("other") == "other"
        with pytest.raises(rtc.RpcError, match="try again in 30 minutes") as refused:
            await room.asks("other")
        assert refused.value.code == TOO_MANY_CHANGES
        assert await room.asks("tone") == "tone"
        assert waits == []


VOICES = ("tone", "other", "third")


async def test_a_caller_may_choose_what_the_operator_lists_and_no_more() -> None:
    worker = SpeechWorker(voices=VOICES, remote={"other"})
    async with serving(worker) as target, voices_at(target, offered=("other",)) as (voices, tts):
        with pytest.raises(VoiceNotFoundError, match="no voice 'third': there are tone, other"):
            await voices.choose("third")
        await voices.choose("other")
        assert (tts.voice, worker.loaded) == ("other", ["other"])
        await voices.choose("tone")  # the default voice is always there
        assert tts.voice == "tone"


async def test_without_a_list_no_caller_has_a_voice_fetched() -> None:
    worker = SpeechWorker(voices=VOICES, remote={"third"})
    async with serving(worker) as target, voices_at(target) as (voices, tts):
        await voices.choose("other")
        with pytest.raises(VoiceNotFoundError, match="third"):
            await voices.choose("third")
        assert tts.voice == "other"
        await voices.use("third")  # the agent's author may
        assert (tts.voice, worker.loaded) == ("third", ["third"])


async def test_a_voice_is_loaded_on_one_worker_and_on_none_where_one_has_it() -> None:
    workers = [SpeechWorker(remote={"other"}) for _ in range(3)]
    async with AsyncExitStack() as stack:
        targets = [await stack.enter_async_context(serving(worker)) for worker in workers]
        voices, _ = await stack.enter_async_context(voices_at(",".join(targets)))
        await voices.use("other")
        await voices.use("other")
        assert sum(len(worker.loaded) for worker in workers) == 1
        assert all(worker.loaded in ([], ["other"]) for worker in workers)


async def test_another_worker_is_asked_where_one_cannot_load() -> None:
    broken, sound = SpeechWorker(remote={"other"}, is_broken=True), SpeechWorker(remote={"other"})
    async with (
        serving(broken) as one,
        serving(sound) as two,
        voices_at(f"{one},{two}") as (voices, speaking),
    ):
        await voices.use("other")
        assert (speaking.voice, sound.loaded, broken.loaded) == ("other", ["other"], [])


async def test_a_caller_has_one_voice_loaded_at_a_time() -> None:
    worker = SpeechWorker(voices=VOICES, remote={"other", "third"}, may_load=asyncio.Event())
    async with (
        serving(worker) as target,
        voices_at(target, offered=VOICES) as (voices, speaking),
    ):
        first = asyncio.create_task(voices.choose("other"))
        await asyncio.sleep(0)
        with pytest.raises(WorkersBusyError):
            await voices.choose("third")
        worker.may_load.set()
        await asyncio.wait_for(first, 15)
        assert (speaking.voice, worker.loaded) == ("other", ["other"])

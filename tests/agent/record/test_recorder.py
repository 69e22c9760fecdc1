"""A session that is followed: what sounds and what is remembered is what its record says."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import soundfile
from livekit import rtc
from livekit.agents import AgentSession
from pydantic import SecretStr

from agent.nodes import RoomAgent
from agent.playout.output import Playout
from agent.record.recorder import STOPPED_CODE, CallRecorder
from agent.room.events import RoomEventPublisher
from agent.session import build_session
from agent.tts import SAMPLE_RATE_HZ, WorkerTTS
from agent.turns.barge_in import BargeIn
from agent.turns.floor import FloorPolicy
from agent.turns.report import TurnReport
from dialogue.conversation import Conversation
from parley.app.session import Heard
from parley.audio import Samples
from parley.discovery import StaticDiscovery
from parley.records.call import CallView
from parley.records.lines import AUDIO_FILE, AUDIO_RATE_HZ
from parley.records.store import open_records, read_call
from parley.room_events import RECORD_ATTRIBUTE, RECORDING_ATTRIBUTE, ErrorEvent, FloorEvent, decode
from parley.settings.orchestrator import LlmSection, OrchestratorSettings
from parley.settings.record import RecordSection
from parley.speech import SpeechPool
from testkit.fake_llm import FakeLlm, ScriptedAnswer, in_turn, llm_serving
from testkit.fake_workers import WORD_S, SpeechWorker, serving
from tests.agent.answering import answering_with

pytestmark = pytest.mark.realtime

ANSWER = " ".join(["word"] * 40) + ". My card is 4111 1111 1111 1111. Good-bye to you."
LONG_S = 60.0


class Room:
    """The room as the recorder sees it: who is there, and what they are told."""

    def __init__(self) -> None:
        self.name = "parley-room"
        self.told: list[dict[str, str]] = []
        self.codes: list[str] = []
        """Of the errors that the clients are told."""
        self.remote_participants: dict[str, Any] = {}

    @property
    def local_participant(self) -> "Room":
        return self

    def isconnected(self) -> bool:
        return True

    async def set_attributes(self, attributes: dict[str, str]) -> None:
        self.told.append(attributes)

    async def publish_data(self, payload: bytes, **_: object) -> None:
        event = decode(payload)
        if isinstance(event, ErrorEvent):
            self.codes.append(event.code)

    def on(self, event: str, callback: Callable[..., None]) -> None: ...

    def off(self, event: str, callback: Callable[..., None]) -> None: ...


@dataclass
class Followed:
    session: AgentSession[None]
    playout: Playout
    recorder: CallRecorder
    conversation: Conversation
    events: RoomEventPublisher
    room: Room
    folder: Path

    async def until_played(self, seconds: float) -> None:
        while self.playout.played_s < seconds:  # noqa: ASYNC110 - no state tells of it
            await asyncio.sleep(0.01)

    def heard(self) -> dict[str, str]:
        """By turn, as the session remembers it."""
        log = self.conversation.session.log.entries
        return {e.turn_id: e.text for e in log if isinstance(e, Heard)}

    def record(self) -> tuple[CallView, Samples]:
        store = open_records(RecordSection(place=str(self.folder)))
        (record_id,) = store.ids()
        file = self.folder / record_id / AUDIO_FILE
        sound = soundfile.read(file, dtype="int16")[0] if file.exists() else np.empty((0, 2))
        return read_call(store, record_id), sound


@asynccontextmanager
async def followed(folder: Path, **record: object) -> AsyncGenerator[Followed]:
    """A session that plays into a native source in real time, and is recorded until the end."""
    async with AsyncExitStack() as stack:
        model = FakeLlm(in_turn(ScriptedAnswer(text=ANSWER)))
        url = await stack.enter_async_context(llm_serving(model))
        target = await stack.enter_async_context(serving(SpeechWorker()))
        pool = await stack.enter_async_context(SpeechPool(StaticDiscovery(target)))
        settings = OrchestratorSettings(
            llm=LlmSection(base_url=url, api_key=SecretStr("k"), model="wire"),
            record=RecordSection.model_validate(
                {"enabled": True, "place": str(folder), "redact": ["numbers"], **record}
            ),
        )
        speaking = WorkerTTS(
            pool, voice="tone", default_voice="tone", speed=1.0, first_flush_words=3
        )
        session = build_session(settings, hearing=None, speaking=speaking)
        room = Room()
        events = RoomEventPublisher(cast(rtc.Room, room))
        report = TurnReport(session, events, hearing=None)

        def on_heard(piece: str) -> None:
            if (reply := report.sounding) is not None:
                answering.heard(reply, piece)

        source = rtc.AudioSource(SAMPLE_RATE_HZ, 1, queue_size_ms=600)
        stack.push_async_callback(source.aclose)
        playout = Playout(source, sample_rate_hz=SAMPLE_RATE_HZ, on_heard=on_heard)
        playout.start()
        session.output.audio = playout
        barge_in = BargeIn(playout, policy=FloorPolicy(), on_yield=lambda cut: None)
        recorder = CallRecorder(settings)
        stack.push_async_callback(recorder.aclose)
        answering, conversation = await stack.enter_async_context(
            answering_with(settings, barge_in, events)
        )
        stack.push_async_callback(playout.aclose)
        await recorder.follow(
            cast(rtc.Room, room),
            conversation,
            app="",
            events=events,
            answering=answering,
            report=report,
            speaking=speaking,
            hearing=None,
            sounded=playout.sounded,
        )
        await session.start(RoomAgent(answering=answering, barge_in=barge_in), record=False)
        stack.push_async_callback(session.aclose)
        yield Followed(session, playout, recorder, conversation, events, room, folder)


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Followed:
    """An answer that is cut after two seconds, while a microphone is on."""

    async def call() -> Followed:
        folder = tmp_path_factory.mktemp("calls") / "calls"
        async with followed(folder) as talk:
            speaking = asyncio.create_task(_murmur(talk.recorder))
            reply = talk.session.generate_reply(user_input="Tell me.", input_modality="text")
            await talk.until_played(2.0)
            talk.events.send(FloorEvent(floor="yielded", at_s=time.time()))
            talk.events.error("tts_unavailable", "Nobody speaks: call 0800 123456.")
            await talk.session.interrupt(force=True)
            await reply.wait_for_playout()
            speaking.cancel()
            await asyncio.gather(speaking, return_exceptions=True)
        return talk

    return asyncio.run(call())


def test_the_words_are_those_that_the_session_remembers(cut: Followed) -> None:
    view, _ = cut.record()
    (turn,) = view.turns
    assert view.state == "ended"
    assert turn.person == "Tell me."
    assert turn.interrupted
    assert {turn.id: turn.heard} == cut.heard()
    assert abs(len(turn.heard.split()) - 2.0 / WORD_S) <= 2
    assert turn.made.startswith(turn.heard)


def test_the_voice_stands_where_it_sounded_until_it_was_cut(cut: Followed) -> None:
    view, sound = cut.record()
    (turn,) = view.turns
    assert view.audio_began_at_s is not None
    assert turn.marks is not None
    assert turn.marks.sounded_s is not None
    voice = np.flatnonzero(np.abs(sound[:, 1]) > 0) / AUDIO_RATE_HZ
    assert abs(voice[0] - (turn.marks.sounded_s - view.audio_began_at_s)) < 0.02
    assert abs(voice[-1] - voice[0] - len(turn.heard.split()) * WORD_S) < 2.5 * WORD_S


def test_both_sides_have_the_length_of_the_call(cut: Followed) -> None:
    view, sound = cut.record()
    assert abs(len(sound) / AUDIO_RATE_HZ - view.length_s) < 0.2
    assert np.abs(sound[:, 0]).max() == 3_000


def test_what_must_not_be_written_is_black_in_what_was_made_and_told(cut: Followed) -> None:
    view, _ = cut.record()
    assert "My card is [redacted]." in view.turns[0].made
    (error,) = (moment for moment in view.moments if moment.kind == "error")
    assert "123456" not in error.text
    assert [floor.kind for floor in view.floors] == ["yielded"]


def test_the_clients_are_told_before_anything_is_kept(cut: Followed) -> None:
    view, _ = cut.record()
    assert cut.room.told == [{RECORDING_ATTRIBUTE: "audio", RECORD_ATTRIBUTE: view.id}]


async def test_words_alone_are_kept_where_the_sound_is_not_wanted(tmp_path: Path) -> None:
    async with followed(tmp_path / "calls", audio=False) as talk:
        reply = talk.session.generate_reply(user_input="Tell me.", input_modality="text")
        await talk.until_played(0.3)
        await talk.session.interrupt(force=True)
        await reply.wait_for_playout()
    view, sound = await asyncio.to_thread(talk.record)
    assert talk.room.told == [{RECORDING_ATTRIBUTE: "text"}]
    assert view.audio_began_at_s is None
    assert not len(sound)
    assert view.turns[0].person == "Tell me."


async def test_a_full_disk_ends_the_recording_and_tells_so_and_the_call_goes_on(
    small_disk: Path,
) -> None:
    async with followed(small_disk / "calls") as talk:
        async with asyncio.timeout(LONG_S):
            while len(talk.room.told) < 2 or not talk.room.codes:  # noqa: ASYNC110 - a list
                await asyncio.sleep(0.02)
        talk.session.generate_reply(user_input="Tell me.", input_modality="text")
        await talk.until_played(0.3)
    assert talk.room.told[-1] == {RECORDING_ATTRIBUTE: ""}
    assert talk.room.codes == [STOPPED_CODE]


async def _murmur(recorder: CallRecorder) -> None:
    """A microphone that is on."""
    samples = np.full(512, 3_000, np.int16)
    while True:
        recorder.frame(rtc.AudioFrame(samples.tobytes(), AUDIO_RATE_HZ, 1, len(samples)))
        await asyncio.sleep(512 / AUDIO_RATE_HZ)

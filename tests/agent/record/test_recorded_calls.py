"""A recorded call in a real room: its record says what was spoken, heard and remembered."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import psutil
import pytest
import soundfile

from caller import measure
from caller.call_recording import unix_offset_s
from caller.client import RoomClient
from caller.conversation import settled
from dialogue.sessions.opening import open_store
from ops.supervisor.stack import Stack
from parley.app.session import Heard
from parley.audio import Audio, Samples
from parley.records.call import CallView
from parley.records.lines import AUDIO_FILE, AUDIO_RATE_HZ
from parley.records.store import open_records, read_call
from parley.room_events import RECORDING_ATTRIBUTE
from parley.settings.record import RecordSection
from testkit.fake_llm import FakeLlm, ScriptedAnswer, in_turn
from testkit.isolated_config import free_ports, write_config
from tests.agent.app_rooms import LONG_S, AppRooms, agent_words
from tests.agent.test_room import spoken
from tests.agent.webhooks.receiver import SECRET, receiving
from tests.caller.rooms import STARVED_S

pytestmark = [pytest.mark.servers, pytest.mark.e2e]

APP = """
from parley import Agent

agent = Agent(instructions="You answer.", greeting="")
"""
RECOGNIZER = """
import asyncio, sys
from testkit.fake_recognizer import FakeRecognizer, recognizing

async def serve():
    async with recognizing(FakeRecognizer(sys.argv[1]), port=int(sys.argv[2])):
        await asyncio.to_thread(sys.stdin.read)

asyncio.run(serve())
"""
STORY = "Bicycles are older than cars, and people laughed at them at first, but not for very long."
QUESTIONS = ("What is the capital of Australia?", "And who was the first to live there?")
RATE_HZ = 48_000
ALIGNED_S = 0.02
LOST_S = 6.0
"""Of the sound of a call whose process was killed: two seconds, and what a busy machine adds."""
KINDS = ("call.started", "turn.ended", "call.ended")


@dataclass(frozen=True)
class Recorded:
    """A call that has ended: what its record says, and what its caller knows."""

    view: CallView
    left: Samples
    right: Samples
    said: list[tuple[float, Audio]]
    """What the caller spoke, and when by the clock of the record's times."""
    was_told: str
    """What its client was told of a recording."""
    words: str
    """What the room's transcript said of the agent."""
    events: list[dict[str, Any]]
    """What the webhooks told, of which the first attempt was refused."""


@pytest.fixture(scope="module")
def rooms(
    start_stack: Callable[..., Stack],
    tmp_path_factory: pytest.TempPathFactory,
    webhook_port: int,
    recognizer: str,
) -> AppRooms:
    folder = tmp_path_factory.mktemp("recorded")
    (folder / "answers.py").write_text(APP)
    (llm_port,) = free_ports(1)
    configuration = write_config(
        folder / "configs",
        orchestrator={
            "agent": {"apps": {"answers": str(folder / "answers.py")}},
            "llm": {"base_url": f"http://127.0.0.1:{llm_port}/v1", "api_key": "k", "model": "f"},
            "asr": {"worker_address": recognizer},
            "record": {"enabled": True},
            "webhooks": {
                "url": f"http://127.0.0.1:{webhook_port}/",
                "secret": SECRET,
                "private": True,
            },
        },
    )
    parts = ("livekit", "tts", "agent", "gateway")
    return AppRooms(start_stack(*parts, configuration=configuration), llm_port)


@pytest.fixture(scope="module")
def recognizer() -> Iterator[str]:
    """The address of a worker that hears QUESTIONS[0] in all that is said."""
    (port,) = free_ports(1)
    # grpc.aio is of one event loop: this process has its own.
    command = [sys.executable, "-c", RECOGNIZER, QUESTIONS[0], str(port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        yield f"127.0.0.1:{port}"
        process.communicate()


@pytest.fixture(scope="module")
def webhook_port() -> int:
    return free_ports(1)[0]


@pytest.fixture(scope="module")
def calls_folder(rooms: AppRooms) -> Path:
    return rooms.stack.configuration.state_dir / "calls"


@pytest.fixture(scope="module")
def recorded(rooms: AppRooms, calls_folder: Path, webhook_port: int) -> Recorded:
    return asyncio.run(_call(rooms, calls_folder, webhook_port))


async def _call(rooms: AppRooms, calls_folder: Path, webhook_port: int) -> Recorded:
    """Two questions; the answer to the first is cut short by the second."""
    first, second = [await _said(rooms.stack, text) for text in QUESTIONS]
    model = FakeLlm(in_turn(ScriptedAnswer(text=f"{STORY} {STORY}"), ScriptedAnswer(text="Yes.")))
    async with (
        receiving(500, at_port=webhook_port) as receiver,
        rooms.call(model, app="answers") as client,
    ):
        said = [await _speak(client, first)]
        assert await client.reached(lambda: "laughed" in agent_words(client), timeout_s=LONG_S)
        said.append(await _speak(client, second))
        assert await client.reached(
            lambda: "Yes" in agent_words(client) and settled(client), timeout_s=LONG_S
        )
        for _ in range(3):  # the rest is about where they stand
            said.append(await _speak(client, first))
            until_s = client.clock() + first.duration_s + 0.5
            await client.reached(lambda until_s=until_s: client.clock() > until_s, timeout_s=LONG_S)
        assert client.agent is not None
        was_told = client.agent.attributes.get(RECORDING_ATTRIBUTE, "")
        words = agent_words(client)
        await client.leave()
        view = await _in_state("ended", rooms, calls_folder)
        async with asyncio.timeout(LONG_S):
            while not any(event["type"] == "call.ended" for event in receiver.events):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
    sound, _ = soundfile.read(calls_folder / view.id / AUDIO_FILE, dtype="int16")
    return Recorded(view, sound[:, 0], sound[:, 1], said, was_told, words, receiver.events)


def test_the_persons_words_stand_where_they_were_spoken(recorded: Recorded) -> None:
    began_at_s = recorded.view.audio_began_at_s
    assert began_at_s is not None
    sent = [(at_s - began_at_s, audio) for at_s, audio in recorded.said]
    ways_s = [_place_s(recorded.left, audio, at_s) - at_s for at_s, audio in sent]
    assert all(0.0 < way_s < STARVED_S for way_s in ways_s), ways_s
    # One of them may have met a jitter buffer that was just growing.
    assert median(abs(way_s - median(ways_s)) for way_s in ways_s) < ALIGNED_S, ways_s


def test_the_agents_voice_stands_where_the_record_says_that_it_began(
    recorded: Recorded,
) -> None:
    began_at_s = recorded.view.audio_began_at_s
    marks = recorded.view.turns[0].marks
    assert began_at_s is not None
    assert marks is not None
    assert marks.sounded_s is not None
    assert marks.speech_ended_s is not None
    at = round((marks.sounded_s - began_at_s) * AUDIO_RATE_HZ)
    around = round(0.3 * AUDIO_RATE_HZ)
    assert np.abs(recorded.right[: at - around // 10]).max(initial=0) == 0
    assert np.abs(recorded.right[at : at + around]).max() > 500
    assert marks.speech_ended_s < marks.sounded_s


async def test_what_was_heard_is_what_the_session_remembers(
    recorded: Recorded, rooms: AppRooms
) -> None:
    settings = rooms.stack.configuration.orchestrator.sessions
    url = f"sqlite:///{rooms.stack.configuration.state_dir / 'sessions.db'}"
    store = open_store(settings.model_copy(update={"url": type(settings.url)(url)}))
    stored = await store.load(recorded.view.session)
    await store.aclose()
    assert stored is not None
    remembered = {e.turn_id: e for e in stored.entries if isinstance(e, Heard)}
    turns = recorded.view.turns
    assert {turn.id: turn.heard for turn in turns if turn.heard} == {
        turn_id: heard.text for turn_id, heard in remembered.items() if heard.text
    }
    cut = turns[0]
    assert cut.interrupted
    assert cut.made == f"{STORY} {STORY}"
    assert cut.made.startswith(cut.heard)
    assert cut.heard in recorded.words
    assert "australia" in cut.person.lower()
    assert recorded.view.interruptions >= 1


def test_stages_floor_and_workers_are_told_with_their_times(recorded: Recorded) -> None:
    view = recorded.view
    stages, marks = view.turns[0].stages, view.turns[0].marks
    assert stages is not None
    assert marks is not None
    assert stages.total_ms is not None
    order = [
        marks.spoke_from_s,
        marks.speech_ended_s,
        marks.begun_s,
        marks.first_token_s,
        marks.first_audio_s,
        marks.sounded_s,
    ]
    times = [at_s for at_s in order if at_s is not None]
    assert len(times) == len(order), marks
    assert times == sorted(times)
    assert {"speaking", "yielded", "quiet"} <= {floor.kind for floor in view.floors}
    workers = [moment.text for moment in view.moments if moment.kind == "worker"]
    assert any(text.endswith("listens") for text in workers)
    assert any("speaks with" in text for text in workers)
    assert view.slowest_ms is not None
    assert view.names


def test_the_client_is_told_that_it_is_recorded(recorded: Recorded) -> None:
    assert recorded.was_told == "audio"


def test_the_webhooks_tell_what_the_record_does(recorded: Recorded) -> None:
    of = {kind: [e["data"] for e in recorded.events if e["type"] == kind] for kind in KINDS}
    assert [len(of["call.started"]), len(of["call.ended"])] == [1, 1]
    assert of["call.ended"][0]["call"]["interruptions"] == recorded.view.interruptions
    told = {data["turn"]["id"]: data["turn"]["heard"] for data in of["turn.ended"]}
    assert told == {turn.id: turn.heard for turn in recorded.view.turns if turn.ended}


async def test_a_call_whose_process_is_killed_keeps_all_but_its_last_seconds(
    rooms: AppRooms, calls_folder: Path
) -> None:
    model = FakeLlm(in_turn(ScriptedAnswer(text=f"{STORY} {STORY}")))
    async with rooms.call(model, app="answers") as client:
        known = set(open_records(_at(rooms, calls_folder)).ids())
        await client.type("Tell me a story.")
        assert await client.reached(
            lambda: "for very long" in agent_words(client), timeout_s=LONG_S
        )
        (writer,) = _writers(calls_folder)
        killed_at_s = time.time()
        writer.kill()
        view = await _in_state("lost", rooms, calls_folder)
    assert view.id in known
    sound, _ = soundfile.read(calls_folder / view.id / AUDIO_FILE, dtype="int16")
    assert view.audio_began_at_s is not None
    lost_s = killed_at_s - view.audio_began_at_s - len(sound) / AUDIO_RATE_HZ
    assert 0 < lost_s < LOST_S
    (turn,) = (turn for turn in view.turns if turn.person)
    assert "laughed" in turn.heard
    assert np.abs(sound[:, 1]).max() > 1_000


def _writers(folder: Path) -> list[psutil.Process]:
    """The processes that write records there now."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            files = process.open_files()
            if any(file.path.startswith(str(folder)) for file in files):
                found.append(process)
    return found


def _at(rooms: AppRooms, folder: Path) -> RecordSection:
    record = rooms.stack.configuration.orchestrator.record
    return record.model_copy(update={"place": str(folder)})


async def _in_state(state: str, rooms: AppRooms, folder: Path) -> CallView:
    store = open_records(_at(rooms, folder))
    async with asyncio.timeout(LONG_S):
        while True:
            for each in await asyncio.to_thread(store.ids):
                view = await asyncio.to_thread(read_call, store, each)
                if view.state == state:
                    return view
            await asyncio.sleep(0.1)


async def _speak(client: RoomClient, said: Audio) -> tuple[float, Audio]:
    first_sample = await client.speak(said)
    return client.microphone.time_of(first_sample) + unix_offset_s(client.clock), said


async def _said(stack: Stack, text: str) -> Audio:
    audio = await spoken(stack, text)
    start = measure.speech_start(audio.samples, audio.sample_rate_hz)
    end = measure.speech_end(audio.samples, audio.sample_rate_hz)
    return Audio(audio.samples[start:end], audio.sample_rate_hz).resampled(RATE_HZ)


def _place_s(lane: Samples, said: Audio, near_s: float) -> float:
    """Where in the lane it stands: where the two have most in common, near that place."""
    wanted = said.resampled(AUDIO_RATE_HZ).samples.astype(np.float64)
    start = max(0, round((near_s - 0.5) * AUDIO_RATE_HZ))
    around = lane[start : start + len(wanted) + round((STARVED_S + 0.5) * AUDIO_RATE_HZ)]
    size = len(around) + len(wanted)
    spectrum = np.fft.rfft(around, size) * np.conj(np.fft.rfft(wanted, size))
    in_common = np.fft.irfft(spectrum, size)[: len(around)]
    return (start + int(np.argmax(in_common))) / AUDIO_RATE_HZ

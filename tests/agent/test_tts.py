"""The TTS plugin, against speech workers on real sockets."""

import asyncio
import math
import time
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import numpy as np
import pytest
from livekit.agents import APIConnectOptions, APIError, tts
from livekit.agents.types import USERDATA_TIMED_TRANSCRIPT, TimedString
from prometheus_client import REGISTRY

from agent.playout.pacing import AHEAD_S, Pace, current_pace
from agent.tts import MAX_REPLY_CHARS, SAMPLE_RATE_HZ, WorkerTTS
from parley.background import background
from parley.discovery import StaticDiscovery
from parley.speech import SpeechPool
from testkit.fake_workers import WORD_S, SpeechWorker, serving
from testkit.isolated_config import free_ports

OPTIONS = APIConnectOptions(max_retry=0)
"""As the session has it: the pool owns the retries."""


@dataclass
class Reply:
    """What came of one reply."""

    samples: list[int] = field(default_factory=list)
    pieces: list[TimedString] = field(default_factory=list)

    @property
    def duration_s(self) -> float:
        return len(self.samples) / SAMPLE_RATE_HZ

    @property
    def transcript(self) -> str:
        return "".join(self.pieces)

    @property
    def times(self) -> list[tuple[str, float, float]]:
        return [
            (str(piece), round(piece.start_time, 3), round(piece.end_time, 3))
            for piece in self.pieces
            if isinstance(piece.start_time, float) and isinstance(piece.end_time, float)
        ]


@asynccontextmanager
async def speaking_at(target: str, *, haste: float = 1.0) -> AsyncGenerator[WorkerTTS]:
    """`haste` is how much faster the pool's clock runs: its patience ends the sooner."""
    pool = SpeechPool(StaticDiscovery(target), clock=lambda: haste * time.monotonic())
    async with pool:
        yield WorkerTTS(
            pool,
            voice="tone",
            default_voice="tone",
            speed=1.0,
            first_flush_words=3,
            session_id="s1",
        )


async def collect(stream: tts.SynthesizeStream, reply: Reply) -> Reply:
    async for audio in stream:
        reply.samples += np.frombuffer(audio.frame.data, np.int16).tolist()
        reply.pieces += audio.frame.userdata.get(USERDATA_TIMED_TRANSCRIPT, [])
    return reply


async def say(speaking: WorkerTTS, tokens: Iterable[str], *, into: Reply | None = None) -> Reply:
    async with speaking.stream(conn_options=OPTIONS) as stream:
        for token in tokens:
            stream.push_text(token)
        stream.end_input()
        return await collect(stream, into or Reply())


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_a_reply_is_one_utterance_of_growing_stretches() -> None:
    worker = SpeechWorker()
    async with serving(worker) as target, speaking_at(target) as speaking:
        text = "Green tea tastes fresh, they say. It grows on hills in the far east of the island."
        reply = await say(speaking, (f"{word} " for word in text.split()))
    assert len(worker.opened) == 1
    assert worker.texts[0] == "Green tea tastes"
    assert " ".join(worker.texts) == text
    assert reply.transcript.strip() == text
    assert reply.duration_s == pytest.approx(WORD_S * len(text.split()), abs=0.02)


async def test_the_transcript_is_as_written_and_timed_as_heard() -> None:
    async with serving(SpeechWorker()) as target, speaking_at(target) as speaking:
        reply = await say(speaking, ["It is $5", " now 😀 ok"])
    assert reply.times == [
        ("It ", 0.0, 0.1),
        ("is ", 0.1, 0.2),
        ("$5 ", 0.2, 0.4),
        ("now ", 0.4, 0.5),
        ("😀 ok", 0.5, 0.6),
    ]


async def test_a_voice_without_word_times_still_has_a_transcript() -> None:
    worker = SpeechWorker(gives_word_times=False)
    async with serving(worker) as target, speaking_at(target) as speaking:
        reply = await say(speaking, ["One two three. ", "Four 😀 five."])
    assert reply.transcript == "One two three. Four 😀 five."


@pytest.mark.parametrize("text", ["😀", "...", "**", "<br/>", " ", "\ud83d"])
async def test_a_reply_with_nothing_to_say_is_silence_and_asks_no_worker(text: str) -> None:
    worker = SpeechWorker()
    async with serving(worker) as target, speaking_at(target) as speaking:
        reply = await say(speaking, [text])
    assert not worker.opened
    assert not any(reply.samples)
    assert reply.transcript == text.encode("utf-8", "ignore").decode()


async def test_lone_surrogates_are_no_text() -> None:
    worker = SpeechWorker()
    async with serving(worker) as target, speaking_at(target) as speaking:
        reply = await say(speaking, ["one \ud83d", "two"])
    assert worker.texts == ["one two"]
    assert reply.transcript == "one two"


async def test_a_hundred_thousand_characters_are_cut_off() -> None:
    worker = SpeechWorker()
    async with serving(worker) as target, speaking_at(target) as speaking:
        reply = await say(speaking, ["incomprehensibility " * 5_000])
    assert len(reply.transcript) == MAX_REPLY_CHARS


async def test_each_reply_has_its_own_seed() -> None:
    worker = SpeechWorker()
    async with serving(worker) as target, speaking_at(target) as speaking:
        await say(speaking, ["one"])
        await say(speaking, ["two"])
    first, second = worker.opened
    assert first.seed != second.seed
    assert {first.session_id, second.session_id} == {"s1"}


async def test_the_next_reply_is_spoken_in_the_new_voice() -> None:
    worker = SpeechWorker()
    async with serving(worker) as target, speaking_at(target) as speaking:
        await say(speaking, ["one"])
        speaking.voice = "other"
        await say(speaking, ["two"])
    assert [opened.voice for opened in worker.opened] == ["tone", "other"]


async def test_a_pause_of_the_model_lets_the_voice_go_on() -> None:
    worker = SpeechWorker()
    async with (
        serving(worker) as target,
        speaking_at(target) as speaking,
        speaking.stream() as stream,
    ):
        stream.push_text("Well now ")
        first = await anext(stream)
        assert np.frombuffer(first.frame.data, np.int16).any()
        assert worker.texts == ["Well now"]


async def test_a_reply_that_another_worker_goes_on_with_is_transcribed_once() -> None:
    lost, other = SpeechWorker(is_lost_after_words=2), SpeechWorker(is_lost_after_words=2)
    text = "One two three four. Five six seven."
    async with (
        serving(lost) as first,
        serving(other) as second,
        speaking_at(f"{first},{second}") as speaking,
    ):
        reply = await say(speaking, [text])
    assert len(lost.opened) + len(other.opened) > 1
    assert reply.transcript == text
    assert reply.duration_s == pytest.approx(7 * WORD_S, abs=WORD_S)


async def played(pace: Pace, reply: Reply) -> None:
    """What has come is heard at once."""
    while True:
        await asyncio.sleep(0.01)
        pace.played_until(reply.duration_s)


@pytest.mark.parametrize("refuses", [0, 1, 3])
@pytest.mark.parametrize("ahead_s", [math.inf, AHEAD_S])
async def test_a_full_house_is_asked_again(refuses: int, ahead_s: float) -> None:
    worker = SpeechWorker(refuses=refuses)
    text = "Green tea tastes fresh, they say. It grows on hills in the far east of the island."
    reply, pace = Reply(), Pace(ahead_s=ahead_s)
    async with (
        asyncio.timeout(10),
        serving(worker) as target,
        speaking_at(target) as speaking,
        background(played(pace, reply), name="played"),
    ):
        current_pace.set(pace)
        await say(speaking, (f"{word} " for word in text.split()), into=reply)
    assert reply.transcript.strip() == text
    assert len(worker.opened) == refuses + 1
    assert " ".join(worker.texts) == text


@pytest.mark.parametrize(
    "pieces", [["One two three. "], ["One. ", "Two. ", "Three. "], ["One two"], ["One, two. Thr"]]
)
async def test_a_refused_reply_leaves_nothing_owed(pieces: list[str]) -> None:
    worker = SpeechWorker(is_full=True)
    pace = Pace()
    async with serving(worker) as target, speaking_at(target, haste=100) as speaking:
        current_pace.set(pace)
        with pytest.raises(APIError):
            await say(speaking, pieces)
    assert not pace.owes


async def test_a_failure_is_an_api_error_and_counted() -> None:
    requested = counted("synthesis_total", voice="tone", engine="none", worker="none")
    failed = counted("synthesis_errors_total", reason="invalid_request")
    async with serving(SpeechWorker(is_broken=True)) as target, speaking_at(target) as speaking:
        with pytest.raises(APIError, match="not today"):
            await say(speaking, ["one"])
    assert counted("synthesis_total", voice="tone", engine="none", worker="none") == requested + 1
    assert counted("synthesis_errors_total", reason="invalid_request") == failed + 1


async def test_first_audio_is_measured_by_voice_engine_and_worker() -> None:
    labels = {"voice": "tone", "engine": "wire", "worker": "w1"}
    before = counted("synthesis_latency_seconds_count", **labels)
    async with serving(SpeechWorker()) as target, speaking_at(target) as speaking:
        await say(speaking, ["one two. ", "three four."])
    assert counted("synthesis_latency_seconds_count", **labels) == before + 1


async def test_a_reply_that_is_cut_short_ends_at_the_worker() -> None:
    worker = SpeechWorker()
    async with serving(worker) as target, speaking_at(target) as speaking:
        async with speaking.stream() as stream:
            stream.push_text("One two three four. ")  # and more to come
            await anext(stream)
            assert not worker.ended.is_set()
        await asyncio.wait_for(worker.ended.wait(), 10)


async def test_without_a_worker_the_reply_fails_and_the_next_one_finds_it() -> None:
    (port,) = free_ports(1)
    async with speaking_at(f"127.0.0.1:{port}", haste=100) as speaking:
        with pytest.raises(APIError):
            await say(speaking, ["one"])
        async with serving(SpeechWorker(), port=port):
            reply = await say(speaking, ["two"])
    assert reply.transcript == "two"

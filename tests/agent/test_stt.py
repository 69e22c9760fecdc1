"""The STT plugin, against recognition workers on real sockets."""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import numpy as np
import pytest
from livekit import rtc
from livekit.agents import stt
from livekit.agents.stt import SpeechEventType as Kind
from prometheus_client import REGISTRY

from agent.stt import MESSAGE_BYTES, SAMPLE_RATE_HZ, WorkerSTT
from agent.turns.end_of_turn import EndOfTurnPolicy
from agent.turns.turn_ends import TurnEnds
from agent.turns.unanswered import UnansweredSpeech
from dialogue.text.languages.english import LANGUAGE as ENGLISH
from parley.audio import Samples
from parley.discovery import StaticDiscovery
from parley.speech import RecognitionPool
from testkit.fake_workers import RECOGNITION_MODEL, RecognitionWorker, serving
from testkit.isolated_config import free_ports

SILENCE = 0
FLUSH = -1


def frame(value: int) -> rtc.AudioFrame:
    """As long as a message to the worker, all samples the same."""
    samples = np.full(MESSAGE_BYTES // 2, value, dtype=np.int16)
    return rtc.AudioFrame(samples.tobytes(), SAMPLE_RATE_HZ, 1, len(samples))


@asynccontextmanager
async def hearing_at(
    target: str, *, haste: float = 1.0, ends_turns: bool = False
) -> AsyncGenerator[WorkerSTT]:
    """`haste` is how much faster the pool's clock runs: its patience ends the sooner."""
    pool = RecognitionPool(StaticDiscovery(target), clock=lambda: haste * time.monotonic())
    async with pool:
        yield WorkerSTT(
            pool,
            language="en",
            preflight_silence_s=0.06,
            session_id="s1",
            ends_turns=ends_turns,
        )


class Speaker:
    """Who has been silent since `last_spoke_s`, and what v1-mini thinks of it."""

    last_spoke_s = 0.0
    agent_has_floor = False

    def predict(self, pcm: Samples) -> float:
        return 0.5


@asynccontextmanager
async def stream_that_ends_turns(
    worker: RecognitionWorker,
) -> AsyncGenerator[tuple[WorkerSTT, stt.RecognizeStream, Speaker]]:
    speaker = Speaker()
    async with serving(worker) as target, hearing_at(target, ends_turns=True) as hearing:
        hearing.turn_ends = TurnEnds(
            EndOfTurnPolicy(),
            speaker,
            language=lambda: ENGLISH,
            asked=lambda: False,
            on_end=hearing.end_turn,
            guess_is_worth=lambda likely: likely > 0.2,
            detector=speaker,
        )
        async with hearing.stream() as stream:
            yield hearing, stream, speaker


@asynccontextmanager
async def stream_to(worker: RecognitionWorker) -> AsyncGenerator[stt.RecognizeStream]:
    async with AsyncExitStack() as stack:
        target = await stack.enter_async_context(serving(worker))
        hearing = await stack.enter_async_context(hearing_at(target))
        yield await stack.enter_async_context(hearing.stream())


def speak(stream: stt.RecognizeStream, items: Sequence[int]) -> None:
    for item in items:
        if item == FLUSH:
            stream.flush()
        else:
            stream.push_frame(frame(item))


async def heard(stream: stt.RecognizeStream, until: Kind) -> list[tuple[Kind, str]]:
    events = []
    async for event in stream:
        events.append((event.type, event.alternatives[0].text))
        if event.type is until:
            break
    return events


async def test_the_model_is_the_one_that_heard() -> None:
    async with serving(RecognitionWorker()) as target, hearing_at(target) as hearing:
        assert hearing.model == "unknown"
        async with hearing.stream() as stream:
            speak(stream, [1, FLUSH])
            await heard(stream, Kind.FINAL_TRANSCRIPT)
        assert hearing.model == RECOGNITION_MODEL


async def test_a_turn_is_heard_as_it_is_spoken() -> None:
    async with stream_to(RecognitionWorker()) as stream:
        speak(stream, [1, 2, SILENCE, FLUSH])
        assert await heard(stream, Kind.FINAL_TRANSCRIPT) == [
            (Kind.INTERIM_TRANSCRIPT, "word1"),
            (Kind.INTERIM_TRANSCRIPT, "word1 word2"),
            (Kind.PREFLIGHT_TRANSCRIPT, "word1 word2"),
            (Kind.FINAL_TRANSCRIPT, "word1 word2"),
        ]


async def test_what_was_said_by_a_pause_is_told_before_the_framework_is() -> None:
    async with serving(RecognitionWorker()) as target, hearing_at(target) as hearing:
        order: list[object] = []
        hearing.on_words = order.append
        async with hearing.stream() as stream:
            speak(stream, [1, 2, SILENCE, FLUSH])
            async for event in stream:
                order.append(event.type)
                if event.type is Kind.FINAL_TRANSCRIPT:
                    break
        assert order.count("word1 word2") == 2
        assert order.index("word1 word2") < order.index(Kind.PREFLIGHT_TRANSCRIPT)
        assert "word1" not in order  # while they speak nothing is to be waited for


async def test_the_wait_for_a_final_is_measured_and_what_cannot_be_heard_is_counted() -> None:
    def counted(name: str) -> float:
        return REGISTRY.get_sample_value(name) or 0.0

    waits = counted("recognition_latency_seconds_count")
    failures = counted("recognition_errors_total")
    (port,) = free_ports(1)
    async with hearing_at(f"127.0.0.1:{port}", haste=20.0) as hearing, hearing.stream() as stream:
        failed = asyncio.Event()
        hearing.on("error", lambda _: failed.set())
        speak(stream, [1, FLUSH])
        await failed.wait()
        assert counted("recognition_errors_total") > failures
        assert counted("recognition_latency_seconds_count") == waits
        async with serving(RecognitionWorker(), port=port):
            speak(stream, [2, FLUSH])
            said = ""
            while "word2" not in said:
                said = (await heard(stream, Kind.FINAL_TRANSCRIPT))[-1][1]
            assert counted("recognition_latency_seconds_count") == waits + 2


async def test_a_final_holds_what_was_said_before_its_flush_and_nothing_after() -> None:
    async with stream_to(RecognitionWorker()) as stream:
        speak(stream, [1, FLUSH, 2, 3, FLUSH])
        finals = [(await heard(stream, Kind.FINAL_TRANSCRIPT))[-1][1] for _ in range(2)]
        assert finals == ["word1", "word2 word3"]


async def test_the_worker_is_told_how_to_listen() -> None:
    worker = RecognitionWorker()
    async with stream_to(worker) as stream:
        speak(stream, [1, FLUSH])
        await heard(stream, Kind.FINAL_TRANSCRIPT)
    (opened,) = worker.opened
    assert (opened.session_id, opened.language, opened.sample_rate_hz) == ("s1", "en", 16000)
    assert opened.preflight_silence.ToTimedelta().total_seconds() == 0.06


async def test_when_nothing_was_said_after_all_the_interim_text_is_withdrawn() -> None:
    async with stream_to(RecognitionWorker(final_is_empty=True)) as stream:
        speak(stream, [1, FLUSH])
        assert (await heard(stream, Kind.FINAL_TRANSCRIPT))[1:] == [
            (Kind.INTERIM_TRANSCRIPT, ""),
            (Kind.FINAL_TRANSCRIPT, ""),
        ]


async def test_a_worker_that_restarts_in_mid_sentence_loses_no_word() -> None:
    (port,) = free_ports(1)
    async with hearing_at(f"127.0.0.1:{port}") as hearing, hearing.stream() as stream:
        async with serving(RecognitionWorker(), port=port):
            speak(stream, [1, 2])
            await heard(stream, Kind.INTERIM_TRANSCRIPT)
        async with serving(RecognitionWorker(), port=port):
            speak(stream, [3, FLUSH])
            final = (await heard(stream, Kind.FINAL_TRANSCRIPT))[-1]
            assert final == (Kind.FINAL_TRANSCRIPT, "word1 word2 word3")


@pytest.mark.parametrize("said", [[1, 2], [5], [1, 2, 3, 4, SILENCE]])
async def test_without_any_worker_the_session_is_told_and_hears_again_when_one_is_back(
    said: list[int],
) -> None:
    (port,) = free_ports(1)
    async with hearing_at(f"127.0.0.1:{port}", haste=100) as hearing, hearing.stream() as stream:
        errors: list[stt.STTError] = []
        told = asyncio.Event()
        hearing.on("error", lambda error: (errors.append(error), told.set()))
        listening = asyncio.create_task(heard(stream, Kind.FINAL_TRANSCRIPT))
        speak(stream, said)
        await told.wait()
        assert all(error.recoverable for error in errors)
        async with serving(RecognitionWorker(), port=port):
            speak(stream, [9, FLUSH])
            text = (await listening)[-1][1].split()
            assert text == [f"word{number}" for number in said if number > 0]
            assert (await heard(stream, Kind.FINAL_TRANSCRIPT))[-1][1] == "word9"


@pytest.mark.parametrize(
    ("said", "meanwhile"),
    [([1], [7, 8]), ([1, 2, SILENCE], []), ([1, FLUSH, 2, 3], [7]), ([1, 2, FLUSH, SILENCE], [])],
)
async def test_what_was_being_said_as_all_workers_died_is_heard_when_one_is_back(
    said: list[int], meanwhile: list[int]
) -> None:
    (port,) = free_ports(1)
    async with hearing_at(f"127.0.0.1:{port}", haste=100) as hearing, hearing.stream() as stream:
        told, back = asyncio.Event(), asyncio.Queue[str]()
        hearing.on("error", lambda _: told.set())
        hearing.on_back = back.put_nowait
        async with serving(RecognitionWorker(may_answer=asyncio.Event()), port=port):
            speak(stream, said)
            await heard(stream, Kind.INTERIM_TRANSCRIPT)
        await told.wait()
        assert back.empty()
        speak(stream, meanwhile)
        async with serving(RecognitionWorker(), port=port):
            speak(stream, [9, FLUSH])
            text: list[str] = []
            while "word9" not in text:
                text += (await heard(stream, Kind.FINAL_TRANSCRIPT))[-1][1].split()
        assert text == [f"word{n}" for n in (*said, *meanwhile, 9) if n > 0]  # each of them once
        assert back.qsize() == 1
        assert await back.get() != "" or said[-1] <= 0


@pytest.mark.parametrize("silences", [1, 2, 40])
async def test_that_it_hears_again_is_told_though_nobody_has_spoken(silences: int) -> None:
    (port,) = free_ports(1)
    async with hearing_at(f"127.0.0.1:{port}", haste=100) as hearing, hearing.stream() as stream:
        told, back = asyncio.Event(), asyncio.Queue[str]()
        hearing.on("error", lambda _: told.set())
        hearing.on_back = back.put_nowait
        speak(stream, [SILENCE] * silences)
        await told.wait()
        async with serving(RecognitionWorker(), port=port):
            listening = asyncio.create_task(heard(stream, Kind.FINAL_TRANSCRIPT))
            assert await back.get() == ""
            await listening


@pytest.mark.parametrize("seconds", [5, 19, 25, 90])
async def test_of_a_long_time_only_the_end_is_said_again(seconds: int) -> None:
    unanswered = UnansweredSpeech(SAMPLE_RATE_HZ)

    async def spoken() -> AsyncGenerator[bytes]:
        for second in range(seconds):
            yield bytes([second]) * 2 * SAMPLE_RATE_HZ

    async def nothing() -> AsyncGenerator[bytes]:
        return
        yield b""

    assert len([item async for item in unanswered.kept_of(spoken())]) == seconds
    again = [item async for item in unanswered.kept_of(nothing())]
    assert [item[0] for item in again if isinstance(item, bytes)] == list(
        range(max(0, seconds - 20), seconds)
    )


@asynccontextmanager
async def slow_ear() -> AsyncGenerator[tuple[WorkerSTT, stt.RecognizeStream, asyncio.Event]]:
    """An ear whose worker finishes what it was asked for when the event is set."""
    may_answer = asyncio.Event()
    async with (
        serving(RecognitionWorker(may_answer=may_answer)) as target,
        hearing_at(target) as hearing,
        hearing.stream() as stream,
    ):
        yield hearing, stream, may_answer


async def test_a_turn_that_ended_before_its_last_words_were_there_gets_them() -> None:
    async with slow_ear() as (hearing, stream, may_answer):
        speak(stream, [1, 2, FLUSH])
        turn = asyncio.create_task(hearing.pending_finals.of_turn())
        await heard(stream, Kind.INTERIM_TRANSCRIPT)
        assert not turn.done()
        may_answer.set()
        assert await turn == "word1 word2"
        speak(stream, [3, FLUSH])  # what is said next is a turn of its own
        events = await heard(stream, Kind.FINAL_TRANSCRIPT)
        finals = [text for kind, text in events if kind is Kind.FINAL_TRANSCRIPT]
        assert finals == ["word3"]


async def test_what_is_heard_while_a_turn_waits_starts_no_reply() -> None:
    async with AsyncExitStack() as stack:
        target = await stack.enter_async_context(serving(RecognitionWorker()))
        hearing = await stack.enter_async_context(hearing_at(target))
        stream = await stack.enter_async_context(hearing.stream())
        hearing.pending_finals.asked()
        turn = asyncio.create_task(hearing.pending_finals.of_turn())
        await asyncio.sleep(0)
        speak(stream, [1, SILENCE, FLUSH])
        kinds = [event.type for event in [await anext(stream), await anext(stream)]]
        assert kinds == [Kind.INTERIM_TRANSCRIPT, Kind.INTERIM_TRANSCRIPT]  # and no PREFLIGHT
        hearing.pending_finals.answered()
        assert await turn == "word1"


async def test_a_turn_with_nothing_to_come_waits_for_nothing() -> None:
    async with stream_to(RecognitionWorker()) as stream:
        speak(stream, [1, FLUSH])
        await heard(stream, Kind.FINAL_TRANSCRIPT)
        async with asyncio.timeout(1):
            assert await stream._hearing.pending_finals.of_turn() == ""


async def test_a_turn_does_without_what_no_worker_will_finish() -> None:
    (port,) = free_ports(1)
    async with hearing_at(f"127.0.0.1:{port}", haste=100) as hearing, hearing.stream() as stream:
        speak(stream, [1, FLUSH])
        async with asyncio.timeout(4):  # less than the patience with a slow worker
            assert await hearing.pending_finals.of_turn() == ""


async def kinds(stream: stt.RecognizeStream, until: Kind) -> list[Kind]:
    events = []
    async for event in stream:
        events.append(event.type)
        if event.type is until:
            break
    return events


async def test_the_end_of_a_turn_is_told_once_its_final_is_there() -> None:
    worker = RecognitionWorker()
    async with stream_that_ends_turns(worker) as (hearing, stream, _):
        speak(stream, [1, SILENCE])
        await kinds(stream, Kind.PREFLIGHT_TRANSCRIPT)
        hearing.end_turn()
        told = await kinds(stream, Kind.END_OF_SPEECH)
        assert told == [Kind.FINAL_TRANSCRIPT, Kind.END_OF_SPEECH]
    assert worker.opened[0].turn_sound, "how the turn sounds is asked for"


async def test_a_turn_that_goes_on_meanwhile_has_not_ended() -> None:
    async with stream_that_ends_turns(RecognitionWorker()) as (hearing, stream, speaker):
        speak(stream, [1])
        await kinds(stream, Kind.INTERIM_TRANSCRIPT)
        hearing.end_turn()
        speaker.last_spoke_s = time.monotonic()
        speak(stream, [2])
        told = await kinds(stream, Kind.INTERIM_TRANSCRIPT)
        assert told == [Kind.FINAL_TRANSCRIPT, Kind.INTERIM_TRANSCRIPT]

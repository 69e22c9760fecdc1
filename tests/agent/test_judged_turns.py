"""Speech in the real framework, whose turns end where `TurnEnds` says."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import cast

import numpy as np
import pytest
from livekit import rtc
from livekit.agents import AgentSession
from livekit.agents.voice import io
from pydantic import SecretStr

from agent.answering import Answering
from agent.nodes import RoomAgent
from agent.playout.output import Playout
from agent.room.events import RoomEventPublisher
from agent.session import build_session, end_of_turn_policy
from agent.stt import SAMPLE_RATE_HZ as HEARING_HZ
from agent.stt import WorkerSTT
from agent.tts import SAMPLE_RATE_HZ, WorkerTTS
from agent.turns.barge_in import BargeIn
from agent.turns.floor import FloorPolicy
from agent.turns.guesses import GuessRoom
from agent.turns.report import TurnReport
from agent.turns.turn_ends import TurnEnds
from caller.recordings import SPEECH
from dialogue.model_pace import ModelPace
from dialogue.text.languages.english import LANGUAGE as ENGLISH
from parley.audio import Samples, read_audio
from parley.discovery import StaticDiscovery
from parley.settings.orchestrator import LlmSection, OrchestratorSettings
from parley.settings.turn import TurnSection
from parley.speech import RecognitionPool, SpeechPool
from testkit.fake_llm import FakeLlm, ScriptedAnswer, in_turn, llm_serving
from testkit.fake_workers import RecognitionWorker, SpeechWorker, serving
from tests.agent.answering import answering_with
from tests.agent.test_session import Ear, Room, Silence

pytestmark = pytest.mark.realtime

FRAME_SAMPLES = 512
LONG_S = 60.0


class Microphone(io.AudioInput):
    """Brings what is said in real time, and silence else."""

    def __init__(self) -> None:
        super().__init__(label="microphone")
        self._samples: Samples = np.empty(0, np.int16)

    def say(self, samples: Samples) -> None:
        self._samples = np.concatenate([self._samples, samples])

    async def __anext__(self) -> rtc.AudioFrame:
        await asyncio.sleep(FRAME_SAMPLES / HEARING_HZ)
        now, self._samples = self._samples[:FRAME_SAMPLES], self._samples[FRAME_SAMPLES:]
        frame = np.pad(now, (0, FRAME_SAMPLES - len(now)))
        return rtc.AudioFrame(frame.tobytes(), HEARING_HZ, 1, FRAME_SAMPLES)


@dataclass
class Call:
    session: AgentSession[None]
    microphone: Microphone
    model: FakeLlm
    answering: Answering

    def said_by(self, role: str) -> list[str]:
        """Turns, as the framework has taken them: the user's or the assistant's."""
        items = [item for item in self.session.history.items if item.type == "message"]
        return [item.raw_text_content or "" for item in items if item.role == role]


@asynccontextmanager
async def call(
    *, min_silence_s: float = 0.15, guess_is_worth: Callable[[float], bool] = lambda likely: True
) -> AsyncGenerator[Call]:
    model = FakeLlm()
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(llm_serving(model))
        settings = OrchestratorSettings(
            llm=LlmSection(base_url=url, api_key=SecretStr("k"), model="wire"),
            turn=TurnSection(end_of_turn="judged", end_of_turn_min_silence_s=min_silence_s),
        )
        target = await stack.enter_async_context(serving(SpeechWorker(), RecognitionWorker()))
        pool = await stack.enter_async_context(SpeechPool(StaticDiscovery(target)))
        ears = await stack.enter_async_context(RecognitionPool(StaticDiscovery(target)))
        hearing = WorkerSTT(ears, language="en", preflight_silence_s=0.06, ends_turns=True)
        speaking = WorkerTTS(
            pool, voice="tone", default_voice="tone", speed=1.0, first_flush_words=3
        )
        session = build_session(settings, hearing=hearing, speaking=speaking)
        events = RoomEventPublisher(cast(rtc.Room, Room()))
        stack.push_async_callback(events.aclose)
        report = TurnReport(session, events, hearing=hearing)
        unheard = Playout(Silence(), sample_rate_hz=SAMPLE_RATE_HZ)
        barge_in = BargeIn(unheard, policy=FloorPolicy(), on_yield=lambda cut: None)
        answering, _ = await stack.enter_async_context(answering_with(settings, barge_in, events))
        turn_ends = hearing.turn_ends = TurnEnds(
            end_of_turn_policy(settings.turn),
            barge_in,
            language=lambda: ENGLISH,
            asked=lambda: False,
            on_end=hearing.end_turn,
            guess_is_worth=guess_is_worth,
        )
        turn_ends.on_guess = hearing.guess
        stack.push_async_callback(turn_ends.aclose)
        microphone = session.input.audio = Microphone()
        ear = session.output.audio = Ear(slow=False)

        def heard(piece: str) -> None:
            if (reply := report.sounding) is not None:
                answering.heard(reply, piece)

        ear.on_heard = heard
        agent = RoomAgent(
            answering=answering,
            barge_in=barge_in,
            pending_finals=hearing.pending_finals,
            turn_ends=turn_ends,
        )
        await session.start(agent, record=False)
        stack.push_async_callback(session.aclose)
        yield Call(session, microphone, model, answering)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(LONG_S):
        while not condition():  # noqa: ASYNC110 - several tasks lead there
            await asyncio.sleep(0.02)


def sentence() -> Samples:
    return read_audio(SPEECH / "1688-142285-0002.flac").resampled(HEARING_HZ).samples


async def test_what_was_said_is_one_turn_each_time_and_is_answered() -> None:
    async with call() as talk:
        for turns in (1, 2):
            talk.microphone.say(sentence())
            await until(lambda turns=turns: len(talk.said_by("assistant")) == turns)
        said = talk.said_by("user")
        assert len(said) == 2
        assert all(text.startswith("word") for text in said)
        assert talk.model.messages[-1]["content"] == said[-1], "the whole turn was answered"


async def test_an_answer_begun_before_the_end_is_said_after_it_and_made_once() -> None:
    async with call(min_silence_s=1.5, guess_is_worth=lambda likely: likely > 0.15) as talk:
        talk.microphone.say(sentence())
        await until(lambda: bool(talk.model.completed))
        assert not talk.said_by("user"), "the turn is not over yet"
        await until(lambda: bool(talk.said_by("assistant")))
        whole = talk.said_by("user")[0]
        asked = [request["messages"][-1]["content"] for request in talk.model.requests]
        assert asked.count(whole) == 1, "the answer that was begun is the one that is heard"


async def test_an_answer_that_was_begun_for_nothing_is_withdrawn() -> None:
    held = asyncio.Event()
    async with call(min_silence_s=1.5, guess_is_worth=lambda likely: likely > 0.15) as talk:
        talk.model.script = in_turn(ScriptedAnswer(text="Too soon.", once=held))
        talk.microphone.say(sentence())
        await talk.model.received.wait()
        talk.model.always("Now.")
        talk.microphone.say(sentence())  # the person goes on
        await talk.model.disconnected.wait()
        held.set()
        await until(lambda: bool(talk.said_by("assistant")))
        assert talk.said_by("assistant") == ["Now."]
        assert len(talk.said_by("user")) == 1, "it was one turn"


async def test_a_busy_machine_answers_no_guess() -> None:
    pace = ModelPace()
    for took_s in (0.01, 100.0, 100.0, 100.0):
        pace.began(took_s)
    async with call(guess_is_worth=GuessRoom(pace, []).worth) as talk:
        talk.microphone.say(sentence())
        await until(lambda: bool(talk.said_by("user")))
        await until(lambda: bool(talk.said_by("assistant")))
        assert len(talk.model.requests) == 1, "one request, to the turn that was taken"


async def test_the_model_reads_while_the_person_speaks_and_is_let_go_when_they_have_ended() -> None:
    held = asyncio.Event()
    async with call(guess_is_worth=lambda likely: likely > 0.5) as talk:
        talk.answering.reads_ahead = lambda: True
        talk.model.script = in_turn(ScriptedAnswer(text="Read.", once=held))
        talk.microphone.say(sentence())
        await talk.model.received.wait()
        read = talk.model.requests[0]
        assert read["max_tokens"] == 1, "it reads, and is asked for nothing"
        talk.model.always("Now.")
        await until(lambda: bool(talk.said_by("assistant")))
        assert talk.model.disconnected.is_set(), "what is still being read holds no answer up"
        heard = read["messages"][-1]["content"].rstrip(" .,?!")  # they may not end there
        assert talk.said_by("user")[0].startswith(heard)

"""What remains of a reply that was cut: what had sounded, in the history and for the model."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import pytest
from livekit import rtc
from livekit.agents import AgentSession
from livekit.agents.voice.io import PlaybackFinishedEvent
from pydantic import SecretStr

from agent.nodes import RoomAgent
from agent.playout.output import Playout
from agent.playout.pacing import AHEAD_S
from agent.room.events import RoomEventPublisher
from agent.room.problems import tell_problems
from agent.session import build_session
from agent.tts import SAMPLE_RATE_HZ, WorkerTTS
from agent.turns.barge_in import BargeIn
from agent.turns.floor import FloorPolicy
from agent.turns.report import TurnReport
from dialogue.text.languages.english import LANGUAGE
from parley.discovery import StaticDiscovery
from parley.settings.orchestrator import LlmSection, OrchestratorSettings
from parley.speech import SpeechPool
from parley.speech.balancing.retries import BUSY_LIMIT_S
from testkit.fake_llm import FakeLlm, ScriptedAnswer, in_turn, llm_serving
from testkit.fake_workers import WORD_S, SpeechWorker, serving
from tests.agent.answering import answering_with

pytestmark = pytest.mark.realtime

REFUSING_S = 3.0
SENTENCE_WORDS = 5
SENTENCES = 30


def _word(number: int) -> str:
    """A word of its own that is said as one: "wordab"."""
    return "word" + "".join("abcdefghij"[int(digit)] for digit in f"{number:03}")


LONG = " ".join(
    " ".join(_word(SENTENCE_WORDS * n + m) for m in range(SENTENCE_WORDS)) + "."
    for n in range(SENTENCES)
)


@dataclass
class Talk:
    session: AgentSession[None]
    playout: Playout
    voice: SpeechWorker
    model: FakeLlm
    heard: list[str]
    barge_in: BargeIn
    finished: asyncio.Queue[PlaybackFinishedEvent]
    """What has sounded to its end, or was cut."""

    async def until_played(self, seconds: float) -> None:
        """What has been played follows from the clock: no state tells of it."""
        while self.playout.played_s < seconds:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@asynccontextmanager
async def talk_with(model: FakeLlm, voice: SpeechWorker | None = None) -> AsyncGenerator[Talk]:
    """A session that plays into a native source, in real time."""
    voice = voice or SpeechWorker()
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(llm_serving(model))
        target = await stack.enter_async_context(serving(voice))
        pool = await stack.enter_async_context(SpeechPool(StaticDiscovery(target)))
        settings = OrchestratorSettings(
            llm=LlmSection(base_url=url, api_key=SecretStr("k"), model="wire")
        )
        speaking = WorkerTTS(
            pool, voice="tone", default_voice="tone", speed=1.0, first_flush_words=3
        )
        session = build_session(settings, hearing=None, speaking=speaking)
        events = RoomEventPublisher(rtc.Room())
        report = TurnReport(session, events, hearing=None)
        tell_problems(session, events, language=lambda: LANGUAGE, rate_hz=SAMPLE_RATE_HZ)
        heard: list[str] = []
        finished = asyncio.Queue[PlaybackFinishedEvent]()

        def on_heard(piece: str) -> None:
            heard.append(piece)
            if (reply := report.sounding) is not None:
                answering.heard(reply, piece)

        source = rtc.AudioSource(SAMPLE_RATE_HZ, 1, queue_size_ms=200)
        stack.push_async_callback(source.aclose)
        playout = Playout(source, sample_rate_hz=SAMPLE_RATE_HZ, on_heard=on_heard)
        playout.on("playback_finished", finished.put_nowait)
        playout.start()
        stack.push_async_callback(playout.aclose)
        session.output.audio = playout
        barge_in = BargeIn(playout, policy=FloorPolicy(), on_yield=lambda cut: None)
        answering, _ = await stack.enter_async_context(answering_with(settings, barge_in, events))
        agent = RoomAgent(answering=answering, barge_in=barge_in)
        await session.start(agent, record=False)
        stack.push_async_callback(session.aclose)
        yield Talk(session, playout, voice, model, heard, barge_in, finished)


async def test_the_history_and_the_model_know_only_what_was_heard() -> None:
    async with talk_with(FakeLlm(in_turn(ScriptedAnswer(text=LONG)))) as talk:
        reply = talk.session.generate_reply(user_input="Tell me.", input_modality="text")
        await talk.until_played(2.0)
        await talk.session.interrupt(force=True)
        await reply.wait_for_playout()
        said = [item for item in talk.session.history.items if item.type == "message"][-1]
        words = (said.raw_text_content or "").split()
        assert said.interrupted
        assert LONG.startswith(" ".join(words))
        assert abs(len(words) - 2.0 / WORD_S) <= 2
        assert "".join(talk.heard).split() == words
        again = talk.session.generate_reply(user_input="And then?", input_modality="text")
        await talk.until_played(0.1)
        told = [message for message in talk.model.messages if message["role"] == "assistant"]
        assert [message["content"].split() for message in told] == [words]
        again.interrupt(force=True)
        await again


async def test_a_reply_is_made_little_ahead_of_what_is_heard_and_its_worker_is_freed() -> None:
    async with talk_with(FakeLlm(in_turn(ScriptedAnswer(text=LONG)))) as talk:
        talk.session.generate_reply(user_input="Tell me.", input_modality="text")
        await talk.until_played(3.0)
        made_s = WORD_S * sum(len(text.split()) for text in talk.voice.texts)
        longest_s = WORD_S * max(len(text.split()) for text in talk.voice.texts)
        assert made_s < talk.playout.played_s + AHEAD_S + longest_s + 0.5
        assert not talk.voice.ended.is_set()
        await talk.session.interrupt(force=True)
        await talk.voice.ended.wait()


async def test_a_reply_that_is_held_is_not_made_any_further() -> None:
    async with talk_with(FakeLlm(in_turn(ScriptedAnswer(text=LONG)))) as talk:
        talk.session.generate_reply(user_input="Tell me.", input_modality="text")
        await talk.until_played(1.0)
        talk.playout.hold("test")
        await asyncio.sleep(0.3)  # what was being made arrives
        texts = len(talk.voice.texts)
        await asyncio.sleep(1.0)  # nothing may happen, for which no state can be awaited
        assert len(talk.voice.texts) == texts
        talk.playout.release("test")
        await talk.until_played(2.0)
        await talk.session.interrupt(force=True)


async def test_a_reply_that_no_worker_takes_at_first_is_heard_whole() -> None:
    voice = SpeechWorker(is_full=True)
    answer = " ".join(map(_word, range(12))) + ". And the rest of it."
    async with talk_with(FakeLlm(in_turn(ScriptedAnswer(text=answer))), voice) as talk:
        reply = talk.session.generate_reply(user_input="Tell me.", input_modality="text")
        async with asyncio.timeout(3 * REFUSING_S):
            await voice.until_refused(for_s=REFUSING_S)
            voice.is_full = False
            await reply.wait_for_playout()
        assert "".join(talk.heard) == answer
        assert " ".join(voice.texts).split() == answer.split()


async def test_where_every_worker_stays_full_the_person_hears_so_and_the_next_reply() -> None:
    voice = SpeechWorker(is_full=True)
    model = FakeLlm(
        in_turn(ScriptedAnswer(text="One. Two. Three."), ScriptedAnswer(text="Of course."))
    )
    async with talk_with(model, voice) as talk:
        async with asyncio.timeout(BUSY_LIMIT_S + 15):
            reply = talk.session.generate_reply(user_input="Tell me.", input_modality="text")
            await reply.wait_for_playout()
            recording = await talk.finished.get()  # it needs no worker
            assert recording.playback_position > 4.0
            assert not recording.interrupted
        assert not voice.texts
        voice.is_full = False
        async with asyncio.timeout(10):
            again = talk.session.generate_reply(user_input="And now?", input_modality="text")
            await again.wait_for_playout()
        assert "".join(talk.heard).endswith("Of course.")

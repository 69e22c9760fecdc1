"""What the commitment of a turn relies on, against the real framework.

`stt_node` gives the events that a test wants; the framework takes turns by them as it does by a
recognizer's that ends turns itself.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from livekit import rtc
from livekit.agents import (
    AgentSession,
    ConversationItemAddedEvent,
    LanguageCode,
    ModelSettings,
    TurnHandlingOptions,
    stt,
)
from livekit.agents.voice import io

from agent.answering import Answering
from agent.nodes import EngineModel, RoomAgent
from agent.playout.output import Playout
from agent.room.events import RoomEventPublisher
from agent.tts import SAMPLE_RATE_HZ, WorkerTTS
from agent.turns.barge_in import BargeIn
from agent.turns.floor import FloorPolicy
from agent.turns.report import TurnReport
from dialogue.approvals.store import ApprovalStore
from dialogue.conversation import Conversation
from dialogue.experiments.experiments import Experiments
from dialogue.model import build_client
from dialogue.opening import conversing
from dialogue.sessions.memory import MemoryStore
from dialogue.sessions.store import SessionRecord
from parley import Agent, Done, Event, HandOff, Handoff, Session, TextDelta, Turn
from parley.app.session import PersonSaid
from parley.discovery import StaticDiscovery
from parley.settings.orchestrator import LlmSection, OrchestratorSettings
from parley.speech import SpeechPool
from testkit.fake_llm import FakeLlm, Messages, ScriptedAnswer, ScriptedToolCall, llm_serving
from testkit.fake_workers import SpeechWorker, serving
from tests.agent.test_session import Ear, Page, Room, Silence

LONG_S = 20.0
LOOP_TURNS = 12
"""So few that nothing was waited for: a loop turn takes microseconds."""

START, INTERIM, PREFLIGHT, FINAL, END = (
    stt.SpeechEventType.START_OF_SPEECH,
    stt.SpeechEventType.INTERIM_TRANSCRIPT,
    stt.SpeechEventType.PREFLIGHT_TRANSCRIPT,
    stt.SpeechEventType.FINAL_TRANSCRIPT,
    stt.SpeechEventType.END_OF_SPEECH,
)


class NoRecognizer(stt.STT[str]):
    """There only so that the framework takes turns by speech."""

    def __init__(self) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=True, interim_results=True))

    async def _recognize_impl(self, *_: Any, **__: Any) -> stt.SpeechEvent:
        raise NotImplementedError


class NoSound(io.AudioInput):
    """A microphone that is switched off."""

    async def __anext__(self) -> rtc.AudioFrame:
        await asyncio.Event().wait()
        raise StopAsyncIteration


class ToldAgent(RoomAgent):
    """Hears what it is told to hear."""

    def __init__(self, *, answering: Answering, barge_in: BargeIn) -> None:
        super().__init__(answering=answering, barge_in=barge_in)
        self.heard: asyncio.Queue[stt.SpeechEvent] = asyncio.Queue()

    async def stt_node(
        self, audio: AsyncIterable[rtc.AudioFrame], model_settings: ModelSettings
    ) -> AsyncGenerator[stt.SpeechEvent]:
        while True:
            yield await self.heard.get()


@dataclass
class Asked:
    """One answer that the engine was asked for."""

    text: str
    committed: bool = False
    closed: bool = False
    ended: bool = False


@dataclass
class WaitingEngine:
    """Says something, waits for the commitment, and says that it was sure; then, where the test
    wants it, waits for ever."""

    never_ends: bool = False
    asked: list[Asked] = field(default_factory=list)
    begun: asyncio.Event = field(default_factory=asyncio.Event)

    def __call__(self, session: Session) -> "WaitingEngine":
        return self

    async def respond(self, turn: Turn) -> AsyncIterator[Event]:
        asked = Asked(turn.text)
        self.asked.append(asked)
        self.begun.set()
        try:
            yield TextDelta("Well, let me see. ")
            await turn.committed()
            asked.committed = True
            if self.never_ends:
                await asyncio.Event().wait()
            yield TextDelta("Done.")
            asked.ended = True
            yield Done()
        finally:
            asked.closed = True

    async def heard(self, turn_id: str, text: str, *, interrupted: bool) -> None:
        pass


@dataclass
class Talk:
    session: AgentSession[None]
    agent: ToldAgent
    answering: Answering
    report: TurnReport
    conversation: Conversation
    voice: SpeechWorker
    page: Page
    ear: Ear
    added: list[str] = field(default_factory=list)
    """What the person said, as `conversation_item_added` told it."""

    def hears(self, kind: stt.SpeechEventType, text: str = "") -> None:
        data = stt.SpeechData(language=LanguageCode("en"), text=text, confidence=0.9)
        self.agent.heard.put_nowait(stt.SpeechEvent(type=kind, alternatives=[data]))

    def logged(self) -> list[str]:
        entries = self.conversation.session.log.entries
        return [entry.text for entry in entries if isinstance(entry, PersonSaid)]


def session_that_hears_what_it_is_told(speaking: WorkerTTS) -> AgentSession[None]:
    return AgentSession[None](
        stt=NoRecognizer(),
        llm=EngineModel(),
        tts=speaking,
        turn_handling=TurnHandlingOptions(
            turn_detection="stt",
            endpointing={"mode": "fixed", "min_delay": 0.0, "max_delay": 0.0},
            preemptive_generation={"enabled": True, "preemptive_tts": True, "max_retries": 6},
        ),
        use_tts_aligned_transcript=True,
        tts_text_transforms=None,
    )


@asynccontextmanager
async def talk_with(
    app: Agent,
    model: FakeLlm | None = None,
    *,
    slow: bool = False,
    commit_silence_s: float = 0.0,
    voice_of: Callable[[Agent], str] = lambda agent: agent.voice or "tone",
    approvals: ApprovalStore | None = None,
    experiments: Experiments | None = None,
) -> AsyncGenerator[Talk]:
    voice = SpeechWorker()
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(llm_serving(model or FakeLlm()))
        settings = OrchestratorSettings(llm=LlmSection(base_url=url, model="wire"))
        target = await stack.enter_async_context(serving(voice))
        pool = await stack.enter_async_context(SpeechPool(StaticDiscovery(target)))
        client = await stack.enter_async_context(build_client(settings))
        record = SessionRecord(id="s1", channel="voice", began_at_s=0.0)
        conversation = await stack.enter_async_context(
            conversing(
                app,
                record,
                settings,
                client=client,
                store=MemoryStore(),
                approvals=approvals,
                experiments=experiments,
            )
        )
        speaking = WorkerTTS(
            pool, voice="tone", default_voice="tone", speed=1.0, first_flush_words=3
        )
        session = session_that_hears_what_it_is_told(speaking)
        events = RoomEventPublisher(cast(rtc.Room, Room()))
        stack.push_async_callback(events.aclose)
        report = TurnReport(session, events, hearing=None)
        ear, page = Ear(slow=slow), Page()
        session.output.audio, session.output.transcription = ear, page
        session.input.audio = NoSound(label="off")
        unheard = Playout(Silence(), sample_rate_hz=SAMPLE_RATE_HZ)
        barge_in = BargeIn(unheard, policy=FloorPolicy(), on_yield=lambda cut: None)

        def another_speaks(agent: Agent) -> None:
            speaking.voice = voice_of(agent)

        answering = Answering(
            conversation,
            barge_in,
            events,
            commit_silence_s=commit_silence_s,
            on_agent=another_speaks,
        )
        stack.push_async_callback(answering.aclose)
        agent = ToldAgent(answering=answering, barge_in=barge_in)
        talk = Talk(session, agent, answering, report, conversation, voice, page, ear)

        def on_item(event: ConversationItemAddedEvent) -> None:
            if event.item.type == "message" and event.item.role == "user":
                talk.added.append(event.item.raw_text_content or "")

        session.on("conversation_item_added", on_item)
        await session.start(agent, record=False)
        stack.push_async_callback(session.aclose)
        yield talk


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(LONG_S):
        while not condition():  # noqa: ASYNC110 - several tasks lead there
            await asyncio.sleep(0.005)


@pytest.fixture
def engine() -> WaitingEngine:
    return WaitingEngine()


async def test_a_guess_is_told_as_a_message_exactly_when_it_is_scheduled(
    engine: WaitingEngine,
) -> None:
    async with talk_with(Agent(engine=engine)) as talk:
        talk.hears(START)
        talk.hears(PREFLIGHT, "I want a bicycle")
        await until(lambda: bool(talk.voice.texts))  # it is even being spoken of
        assert (talk.added, talk.logged()) == ([], [])
        assert not engine.asked[0].committed
        talk.hears(FINAL, "I want a bicycle.")
        talk.hears(END)
        await until(lambda: engine.asked[0].ended)
        assert len(engine.asked) == 1  # the guess became the answer
        assert talk.added == ["I want a bicycle."]
        assert engine.asked[0].committed


async def test_a_discarded_guess_is_told_of_nowhere_and_its_answer_is_closed(
    engine: WaitingEngine,
) -> None:
    async with talk_with(Agent(engine=engine)) as talk:
        talk.hears(START)
        talk.hears(PREFLIGHT, "I want a bicycle")
        await until(lambda: bool(engine.asked))
        talk.hears(INTERIM, "I want a bicycle and a helmet")
        await until(lambda: engine.asked[0].closed)
        talk.hears(PREFLIGHT, "I want a bicycle and a helmet for two")
        await until(lambda: len(engine.asked) == 2)
        assert (talk.added, talk.logged()) == ([], [])
        talk.hears(FINAL, "I want a bicycle and a helmet for two.")
        talk.hears(END)
        await until(lambda: engine.asked[1].ended)
        assert not engine.asked[0].committed
        assert talk.added == ["I want a bicycle and a helmet for two."]
        assert [text.rstrip(".") for text in talk.logged()] == [
            "I want a bicycle and a helmet for two"
        ]


async def test_a_guess_that_the_turn_contradicts_is_closed_and_the_turn_is_answered(
    engine: WaitingEngine,
) -> None:
    async with talk_with(Agent(engine=engine)) as talk:
        talk.hears(START)
        talk.hears(PREFLIGHT, "I want a bicycle")
        await until(lambda: bool(engine.asked))
        talk.hears(FINAL, "I want a tricycle.")
        talk.hears(END)
        await until(lambda: len(engine.asked) == 2 and engine.asked[1].ended)
        assert engine.asked[0].closed
        assert not engine.asked[0].committed
        assert talk.added == talk.logged() == ["I want a tricycle."]


async def test_a_turn_without_a_guess_is_committed_too(engine: WaitingEngine) -> None:
    async with talk_with(Agent(engine=engine)) as talk:
        talk.hears(START)
        talk.hears(FINAL, "I want a bicycle.")
        talk.hears(END)
        await until(lambda: bool(engine.asked) and engine.asked[-1].ended)
        assert talk.added == talk.logged() == ["I want a bicycle."]


async def test_who_speaks_on_after_the_turn_has_both_halves_told_in_order(
    engine: WaitingEngine,
) -> None:
    engine.never_ends = True
    async with talk_with(Agent(engine=engine), slow=True) as talk:
        talk.hears(START)
        talk.hears(FINAL, "I want a bicycle.")
        talk.hears(END)
        await until(lambda: bool(engine.asked) and engine.asked[-1].committed)
        await talk.session.interrupt(force=True)  # as BargeIn does
        engine.never_ends = False
        talk.hears(START)
        talk.hears(FINAL, "And a helmet.")
        talk.hears(END)
        await until(lambda: engine.asked[-1].text == "And a helmet." and engine.asked[-1].committed)
        assert talk.added == talk.logged() == ["I want a bicycle.", "And a helmet."]


async def test_an_answer_that_is_cut_while_it_waits_is_never_committed_and_its_turn_is_kept(
    engine: WaitingEngine,
) -> None:
    async with talk_with(Agent(engine=engine), slow=True, commit_silence_s=LONG_S) as talk:
        talk.hears(START)
        talk.hears(FINAL, "I want a bicycle.")
        talk.hears(END)
        await until(lambda: bool(talk.added))
        talk.session.interrupt(force=True)
        await until(lambda: engine.asked[0].closed)
        talk.hears(START)
        talk.hears(FINAL, "And a helmet.")
        talk.hears(END)
        await until(lambda: engine.asked[-1].text == "And a helmet.")
        assert talk.logged()[0] == "I want a bicycle."
        assert [asked.committed for asked in engine.asked] == [False] * len(engine.asked)


async def test_an_interruption_closes_the_answer_at_once(engine: WaitingEngine) -> None:
    engine.never_ends = True
    async with talk_with(Agent(engine=engine), slow=True) as talk:
        talk.session.generate_reply(user_input="Tell me.", input_modality="text")
        await until(lambda: bool(engine.asked) and engine.asked[0].committed)
        await talk.ear.started.wait()
        talk.session.interrupt(force=True)
        turns = 0
        while not engine.asked[0].closed and turns < 1000:
            await asyncio.sleep(0)
            turns += 1
        assert turns <= LOOP_TURNS


async def test_a_hand_off_parts_the_reply_and_each_speaks_in_its_own_voice() -> None:
    workshop = Agent(name="workshop", instructions="You are the mechanic.", voice="other")
    desk = Agent(instructions="desk", handoffs=[HandOff(agent=workshop, when="repairs")])

    def script(messages: Messages) -> ScriptedAnswer:
        if "mechanic" in str(messages[0]["content"]):
            return ScriptedAnswer(text="Workshop here.")
        return ScriptedAnswer(text="One moment.", calls=[ScriptedToolCall("hand_off_to_workshop")])

    model = FakeLlm(script)
    async with talk_with(desk, model) as talk:
        await talk.session.generate_reply(user_input="It squeaks.", input_modality="text")
        assert talk.voice.texts == ["One moment.", "Workshop here."]
        assert [opened.voice for opened in talk.voice.opened] == ["tone", "other"]
        assert talk.page.text == "One moment.Workshop here."  # utterances, told one by one


class HandingOver:
    """Hands over in the same moment in which it speaks, twice."""

    def __init__(self, session: Session) -> None:
        self._left = ["One moment.", "Workshop here.", "And the mechanic."]

    async def respond(self, turn: Turn) -> AsyncIterator[Event]:
        yield TextDelta(self._left.pop(0))
        if self._left:
            yield Handoff("next", None)
        yield Done()

    async def heard(self, turn_id: str, text: str, *, interrupted: bool) -> None:
        pass


async def test_what_was_said_before_a_hand_off_keeps_its_voice() -> None:
    voices = iter(["other", "tone"])
    async with talk_with(Agent(engine=HandingOver), voice_of=lambda _: next(voices)) as talk:
        await talk.session.generate_reply(user_input="It squeaks.", input_modality="text")
        assert talk.voice.texts == ["One moment.", "Workshop here.", "And the mechanic."]
        assert [opened.voice for opened in talk.voice.opened] == ["tone", "other", "tone"]

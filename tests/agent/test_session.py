"""A session between real sockets: an OpenAI-compatible model, a speech worker, and an ear."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

import pytest
from livekit import rtc
from livekit.agents import (
    AgentSession,
    UserInputTranscribedEvent,
    inference,
    llm,
    room_io,
)
from livekit.agents.types import USERDATA_TIMED_TRANSCRIPT
from livekit.agents.voice import io
from prometheus_client import REGISTRY
from pydantic import SecretStr

from agent.nodes import RoomAgent
from agent.playout.output import Playout
from agent.playout.pacing import USERDATA_PACE
from agent.room.events import RoomEventPublisher
from agent.room.problems import tell_problems
from agent.room.text_input import MAX_TYPED_CHARS, TypedText
from agent.session import build_session
from agent.tts import SAMPLE_RATE_HZ, WorkerTTS
from agent.turns.barge_in import BargeIn
from agent.turns.floor import FloorPolicy
from agent.turns.pending_finals import PendingFinals
from agent.turns.report import TurnReport
from dialogue.text.languages.english import LANGUAGE
from dialogue.text.languages.english import PHRASES as ENGLISH
from parley import Agent
from parley.discovery import StaticDiscovery
from parley.room_events import (
    AnyEvent,
    ErrorEvent,
    InterruptedEvent,
    TurnEvent,
    decode,
)
from parley.settings.orchestrator import LlmSection, OrchestratorSettings
from parley.speech import SpeechPool
from testkit.fake_llm import FakeLlm, ScriptedAnswer, in_turn, llm_serving
from testkit.fake_workers import SpeechWorker, serving
from tests.agent.answering import KIND, answering_with


@dataclass
class Room:
    """The end of the room's data channel: keeps the events that are sent into it."""

    events: list[AnyEvent] = field(default_factory=list)

    @property
    def local_participant(self) -> "Room":
        return self

    def isconnected(self) -> bool:
        return True

    async def publish_data(self, payload: bytes, *, reliable: bool, topic: str) -> None:
        assert (reliable, topic) == (True, "parley.events")
        self.events.append(decode(payload))


class Silence:
    """A track into which nothing is played."""

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        raise AssertionError("something was played")

    def clear_queue(self) -> None:
        pass


class Ear(io.AudioOutput):
    """Plays at once what it is given; where it is `slow` it plays until it is cleared."""

    def __init__(self, *, slow: bool) -> None:
        super().__init__(
            label="ear",
            capabilities=io.AudioOutputCapabilities(pause=False),
            sample_rate=SAMPLE_RATE_HZ,
        )
        self.started = asyncio.Event()
        self.on_heard: Callable[[str], None] = lambda piece: None
        self._slow = slow
        self._heard_s = 0.0
        self.played_s = 0.0

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        if not self._heard_s:
            self.on_playback_started(created_at=0.0)
            self.started.set()
        for piece in frame.userdata.get(USERDATA_TIMED_TRANSCRIPT, []):
            self.on_heard(str(piece))
        self._heard_s += frame.duration
        self.played_s += frame.duration
        if (pace := frame.userdata.get(USERDATA_PACE)) is not None:
            pace.played_until(self._heard_s)

    def flush(self) -> None:
        super().flush()
        if self._heard_s and not self._slow:
            self._finish(interrupted=False)

    def clear_buffer(self) -> None:
        if self._heard_s:
            self._finish(interrupted=True)

    def _finish(self, *, interrupted: bool) -> None:
        heard_s, self._heard_s = self._heard_s, 0.0
        self.on_playback_finished(playback_position=heard_s, interrupted=interrupted)


class Page(io.TextOutput):
    """Keeps the transcript that it is shown."""

    def __init__(self) -> None:
        super().__init__(label="page", next_in_chain=None)
        self.text = ""

    async def capture_text(self, text: str) -> None:
        self.text += text

    def flush(self) -> None:
        pass


@dataclass
class Talk:
    session: AgentSession[None]
    room: Room
    ear: Ear
    page: Page
    voice: SpeechWorker
    typed: TypedText
    read: list[str]
    """What was put on the page because nobody could speak it."""

    async def ask(self, text: str) -> None:
        await self.session.generate_reply(user_input=text, input_modality="text")

    async def enter(self, text: str) -> None:
        """Text as it comes from the room; returns when its answer begins to be heard."""
        self.ear.started.clear()
        await self.typed(self.session, room_io.TextInputEvent(text=text))
        await self.ear.started.wait()

    def events(self, kind: type[AnyEvent]) -> list[AnyEvent]:
        return [event for event in self.room.events if isinstance(event, kind)]


@asynccontextmanager
async def talk_with(
    model: FakeLlm,
    voice: SpeechWorker | None = None,
    *,
    slow: bool = False,
    app: Agent = KIND,
    pending_finals: PendingFinals | None = None,
) -> AsyncGenerator[Talk]:
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
        room, ear, page = Room(), Ear(slow=slow), Page()
        events = RoomEventPublisher(cast(rtc.Room, room))
        report = TurnReport(session, events, hearing=None)
        tell_problems(session, events, language=lambda: LANGUAGE, rate_hz=SAMPLE_RATE_HZ)
        session.output.audio, session.output.transcription = ear, page
        unheard = Playout(Silence(), sample_rate_hz=SAMPLE_RATE_HZ)
        barge_in = BargeIn(unheard, policy=FloorPolicy(), on_yield=lambda cut: None)
        answering, _ = await stack.enter_async_context(
            answering_with(settings, barge_in, events, app=app)
        )

        def heard(piece: str) -> None:
            if (reply := report.sounding) is not None:
                answering.heard(reply, piece)

        ear.on_heard = heard
        read: list[str] = []
        answering.show = read.append
        # Nobody speaks to it.
        agent = RoomAgent(answering=answering, barge_in=barge_in, pending_finals=pending_finals)
        await session.start(agent, record=False)
        stack.push_async_callback(session.aclose)
        yield Talk(session, room, ear, page, voice, TypedText(events, report), read)
        await events.aclose()


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_typed_text_is_answered_aloud_and_on_the_page() -> None:
    model = FakeLlm(in_turn(ScriptedAnswer(text="It costs $5 today.")))
    async with talk_with(model) as talk:
        await talk.ask("What does it cost?")
        assert model.messages[-1]["content"] == "What does it cost?"
        assert " ".join(talk.voice.texts) == "It costs five dollars today."
        assert talk.page.text == "It costs $5 today."
        history = [item for item in talk.session.history.items if item.type == "message"]
        assert [(item.role, item.raw_text_content) for item in history] == [
            ("user", "What does it cost?"),
            ("assistant", "It costs $5 today."),
        ]


async def test_each_turn_is_told_with_its_stages() -> None:
    async with talk_with(FakeLlm()) as talk:
        await talk.ask("One?")
        await talk.ask("Two?")
        await asyncio.sleep(0)
        turns = talk.events(TurnEvent)
    assert [turn.turn for turn in turns if isinstance(turn, TurnEvent)] == [1, 2]
    for turn in turns:
        assert isinstance(turn, TurnEvent)
        stages = turn.stages
        assert stages.llm_first_token_ms is not None
        assert stages.tts_first_audio_ms is not None
        assert stages.total_ms is not None
        assert 0 < stages.llm_first_token_ms + stages.tts_first_audio_ms <= stages.total_ms
        assert stages.endpointing_ms is None  # nobody spoke
        assert stages.asr_ms is None
        at, begun = turn.moments.model_dump(exclude_none=True), ("begun_s", "first_token_s")
        order = [at[name] for name in (*begun, "first_clause_s", "tts_asked_s", "first_audio_s")]
        assert order == sorted(order)
        assert set(at).isdisjoint(("speech_ended_s", "pause_noticed_s", "text_s"))


async def test_a_turn_waits_for_its_last_words_and_they_are_shown() -> None:
    pending_finals = PendingFinals()
    async with talk_with(FakeLlm(), pending_finals=pending_finals) as talk:
        shown: list[UserInputTranscribedEvent] = []
        talk.session.on("user_input_transcribed", shown.append)
        agent = talk.session.current_agent
        turn = llm.ChatMessage(role="user", content=["I like it"])
        pending_finals.asked()
        completing = asyncio.create_task(agent.on_user_turn_completed(agent.chat_ctx.copy(), turn))
        await asyncio.sleep(0)
        assert pending_finals.take("better than the rest.")
        pending_finals.answered()
        await completing
    assert turn.text_content == "I like it better than the rest."
    assert [(event.transcript, event.is_final) for event in shown] == [
        ("better than the rest.", True)
    ]


async def test_a_greeting_is_no_turn() -> None:
    async with talk_with(FakeLlm()) as talk:
        await talk.session.say("Hello there.")
        assert talk.page.text == "Hello there."
        assert not talk.events(TurnEvent)


async def test_messages_are_counted_by_who_said_them() -> None:
    before = {role: counted("session_messages_total", role=role) for role in ("user", "assistant")}
    async with talk_with(FakeLlm()) as talk:
        await talk.session.say("Hello there.")
        await talk.ask("Hi.")
    assert counted("session_messages_total", role="user") == before["user"] + 1
    assert counted("session_messages_total", role="assistant") == before["assistant"] + 2


@pytest.mark.parametrize(
    ("status", "said", "code"),
    [
        (500, ENGLISH.apology, "llm_unavailable"),
        (401, ENGLISH.model_unconfigured, "model_unauthorized"),
        (404, ENGLISH.model_unconfigured, "model_not_found"),
    ],
)
async def test_a_failing_model_is_heard_of_and_seen_and_the_next_turn_is_answered(
    status: int, said: str, code: str
) -> None:
    model = FakeLlm(in_turn(ScriptedAnswer(status=status), ScriptedAnswer(text="Of course.")))
    async with talk_with(model) as talk:
        await talk.ask("Hello?")
        assert talk.page.text.strip() == said
        (error,) = talk.events(ErrorEvent)
        assert isinstance(error, ErrorEvent)
        assert (error.code, error.fatal) == (code, False)
        assert "127.0.0.1" not in error.message
        await talk.ask("Hello again?")
        assert talk.page.text.endswith("Of course.")


async def test_a_failing_voice_is_seen_and_the_next_turn_is_spoken() -> None:
    voice = SpeechWorker(is_broken=True)
    async with talk_with(FakeLlm(), voice) as talk:
        for _ in range(5):  # more than the framework bears by default
            await talk.ask("Hello?")
        (error,) = talk.events(ErrorEvent)  # told once, not five times
        assert isinstance(error, ErrorEvent)
        assert error.code == "tts_unavailable"
        assert ENGLISH.cannot_speak in talk.page.text
        assert talk.ear.played_s > 4.0  # the recording, though no worker speaks
        voice.is_broken = False
        talk.page.text = ""
        await talk.ask("Hello again?")
        assert voice.texts
        assert talk.page.text == "Of course."


LONG_ANSWER = "It costs $1,250.00, in all. " + " ".join(
    f"Part **{n}** comes on 1/{n}/2027 (see https://example.org/{n}), as ever." for n in range(1, 9)
)


@pytest.mark.parametrize("words_before", [None, 1, 3, 9])
async def test_what_no_worker_can_speak_of_an_answer_can_be_read_and_is_remembered(
    words_before: int | None,
) -> None:
    """Whether the voice is away from the start or is lost for good in the middle."""
    voice = SpeechWorker(is_broken=words_before is None, breaks_after_words=words_before)
    model = FakeLlm(in_turn(ScriptedAnswer(text=LONG_ANSWER), ScriptedAnswer(text="Yes.")))
    async with talk_with(model, voice) as talk:
        await talk.ask("What does it cost, and when does it come?")
        while not talk.read:  # noqa: ASYNC110 - another task's list
            await asyncio.sleep(0.01)
        (read,) = talk.read
        assert LONG_ANSWER.endswith(read.strip())
        if words_before is None:
            assert read.strip() == LONG_ANSWER
        if words_before == 9:
            assert read.strip() != LONG_ANSWER
        voice.is_broken, voice.breaks_after_words = False, None
        await talk.ask("Really?")
        (remembered,) = [m["content"] for m in model.messages if m["role"] == "assistant"]
        assert "".join(remembered.split()) == "".join(LONG_ANSWER.split())


async def test_a_reply_that_typed_text_cuts_short_is_told_and_counted() -> None:
    before = counted("session_barge_ins_total")
    model = FakeLlm()
    async with talk_with(model, slow=True) as talk:
        talk.session.generate_reply(user_input="Tell me.", input_modality="text")
        await talk.ear.started.wait()
        await talk.enter("Wait! \ud83d")
        assert model.messages[-1]["content"] == "Wait!"
        assert len(talk.events(InterruptedEvent)) == 1
    assert counted("session_barge_ins_total") == before + 1


async def test_a_hundred_thousand_typed_characters_are_cut_off_and_told() -> None:
    model = FakeLlm()
    async with talk_with(model) as talk:
        await talk.enter("x" * 100_000)
        assert model.messages[-1]["content"] == "x" * MAX_TYPED_CHARS
        (error,) = talk.events(ErrorEvent)
        assert isinstance(error, ErrorEvent)
        assert error.code == "text_too_long"


async def test_hanging_up_is_no_interruption() -> None:
    before = counted("session_barge_ins_total")
    async with talk_with(FakeLlm(), slow=True) as talk:
        talk.session.generate_reply(user_input="Tell me.", input_modality="text")
        await talk.ear.started.wait()
        await talk.session.aclose()
    assert counted("session_barge_ins_total") == before


@pytest.mark.parametrize("answer", ["😀", "…", "**"])
async def test_an_answer_that_cannot_be_said_is_apologized_for_aloud_and_told(answer: str) -> None:
    async with talk_with(FakeLlm(in_turn(ScriptedAnswer(text=answer)))) as talk:
        await talk.ask("Well?")
        assert talk.page.text.strip() == ENGLISH.no_answer
        (error,) = talk.events(ErrorEvent)
        assert isinstance(error, ErrorEvent) and error.code == "model_no_answer"


def test_the_turn_detector_never_leaves_the_machine() -> None:
    assert inference.TurnDetector(version="v1-mini").model == "turn-detector-v1-mini"

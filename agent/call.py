"""One call: from a job to a running conversation in its room, and its end."""

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import AsyncExitStack

from livekit import rtc
from livekit.agents import AgentSession, JobContext
from livekit.agents.voice import SpeechHandle
from openai import AsyncOpenAI

from agent.answering import Answering
from agent.call_limits import CallLimits
from agent.dispatch import app_of, as_resumed, session_record, settings_of, wishes_of
from agent.duplex import Duplex
from agent.late_news import LateNews
from agent.nodes import RoomAgent
from agent.own_words import OwnWords
from agent.person_budget import PersonBudget
from agent.record.recorder import CallRecorder
from agent.room.approvals import RoomApprovals
from agent.room.events import RoomEventPublisher
from agent.room.first_come import comes_first
from agent.room.history import tell_history
from agent.room.panels import Panels
from agent.room.problems import tell_problems
from agent.room.telephone import Telephone
from agent.room.text_input import TypedText
from agent.room.voices import VoiceControl
from agent.session import (
    build_session,
    end_of_turn_policy,
    floor_policy,
    room_options,
)
from agent.stt import WorkerSTT
from agent.tts import SAMPLE_RATE_HZ as SPEAKING_HZ
from agent.tts import WorkerTTS
from agent.turn_waits import TurnWaits
from agent.turns.guesses import WORDS_STAY, GuessRoom
from agent.turns.report import TurnReport
from agent.turns.turn_ends import TurnEnds
from agent.turns.turn_trace import TurnTrace
from agent.turns.word_policy import WordPolicy
from dialogue.approvals.opening import open_approvals
from dialogue.conversation import Conversation
from dialogue.experiments.opening import open_experiments
from dialogue.model_pace import ModelPace
from dialogue.opening import conversing
from dialogue.sessions.opening import open_store
from parley.app.agent import Agent, SilencePrompts
from parley.app.configured import turn_settings
from parley.app.turn_policy import TurnPolicy
from parley.errors import SpeechError
from parley.settings import OrchestratorSettings
from parley.settings.turn import TurnSection
from parley.speech import SpeechPool
from parley.speech.configured import node_link, recognition_pool, speech_pool
from parley.speech.node.link import NodeLink
from parley.telemetry import agent as metrics
from parley.telemetry import logs, tracing

CLOSING_WITHIN_S = 10.0
"""How long the end of a call waits for its closing to be heard."""
LAST_WORDS_S = 0.5
"""What has been played here still travels to the person's ear and page for so long."""

_log = logging.getLogger(__name__)


class Call:
    """The conversation of one job. `start` it once; the job's end closes it."""

    def __init__(
        self, context: JobContext, settings: OrchestratorSettings, client: AsyncOpenAI
    ) -> None:
        """`client` asks the language model; the call closes it."""
        self._context = context
        self._wishes = wishes_of(context.job.metadata)
        self._settings = settings = settings_of(settings, self._wishes)
        self._telephone = Telephone(settings, context.room, self._person)
        self._app = self._telephone.given_to(app_of(settings, self._wishes))
        self._running = AsyncExitStack()
        self._events = RoomEventPublisher(
            context.room, shows_tool_details=settings.tool_details_are_shown
        )
        self._client = client
        self._budget = PersonBudget(settings, self._wishes)
        self._approvals = open_approvals(settings.approvals)
        self._recorder = CallRecorder(settings)
        self._beside: set[asyncio.Task[None]] = set()
        self._closes = False
        self._voices: VoiceControl | None = None
        self._pace = ModelPace()
        self._guesses: GuessRoom
        self._session: AgentSession[None]
        self._own_words: OwnWords
        self._speaking: WorkerTTS
        self._answering: Answering
        self._report: TurnReport
        self._limits: CallLimits
        self._waits: TurnWaits

    async def start(self) -> None:
        """Joins the room and greets; returns when the conversation runs."""
        self._context.add_shutdown_callback(self._end)
        self._running.enter_context(metrics.counted_session())
        for opened in (self._recorder, self._budget, self._telephone):
            self._running.push_async_callback(opened.aclose)
        conversation = await self._conversing()
        agent, session_id = conversation.agent, conversation.session.id
        logs.stamp_lines(session=session_id)
        self._trace = TurnTrace(session_id)
        self._running.callback(self._trace.close)
        self._wishes = as_resumed(self._wishes, conversation.session)
        self._own_words = OwnWords(self._app, self._settings, conversation)
        node = await self._running.enter_async_context(node_link(self._settings))
        speech = await self._running.enter_async_context(speech_pool(self._settings, node))
        self._speaking = self._tts(speech, agent, session_id)
        hearing = await self._stt(node, session_id)
        workers = [speech.scoreboard, *([hearing.pool.scoreboard] if hearing is not None else ())]
        self._guesses = GuessRoom(self._pace, workers)
        turn = self._turn(agent)
        self._session = build_session(
            self._settings, hearing=hearing, speaking=self._speaking, turn=turn
        )
        self._report = TurnReport(self._session, self._events, hearing=hearing, trace=self._trace)
        duplex = self._duplex(agent)
        if hearing is not None and hearing.ends_turns:
            hearing.turn_ends = self._turn_ends(agent, duplex, hearing)
        self._waits = TurnWaits(turn, self._session, duplex.barge_in, hearing, self._own_words)
        self._answering = self._answers(conversation, duplex, hearing)
        duplex.join(self._session, self._report, self._answering)
        tell_problems(
            self._session,
            self._events,
            hearing=hearing,
            language=lambda: self._own_words.language,
            rate_hz=SPEAKING_HZ,
        )
        self._session.on("close", lambda _: self._context.shutdown("the conversation has ended"))
        self._running.push_async_callback(self._events.aclose)
        if not await comes_first(self._context):
            return
        room, is_kept = self._context.room, bool(conversation.session.log.entries)
        self._beside_the_call(tell_history(room, is_kept=is_kept))
        if self._approvals is not None and self._settings.agent.caller_may_approve:
            RoomApprovals(self._approvals, session_id, talks_with=self._talks_with).serve(room)
        await self._recorder.follow(
            room,
            conversation,
            app=self._wishes.app,
            events=self._events,
            answering=self._answering,
            report=self._report,
            speaking=self._speaking,
            hearing=hearing,
            sounded=duplex.playout.sounded,
        )
        await duplex.publish()
        await self._join(agent, duplex, hearing)
        await self._choose_voice(speech)
        self._greet(conversation)

    async def _join(self, agent: Agent, duplex: Duplex, hearing: WorkerSTT | None) -> None:
        """Has the framework take turns in the room, which is connected."""
        limits = self._limits = self._limited(agent)
        room_agent = RoomAgent(
            answering=self._answering,
            barge_in=duplex.barge_in,
            pending_finals=hearing.pending_finals if hearing is not None else None,
            turn_ends=hearing.turn_ends if hearing is not None else None,
            line=duplex.line,
            on_presence=duplex.asked_presence,
            on_frame=self._recorder.frame,
        )

        def person_typed() -> None:
            limits.person_typed()
            duplex.line.person_acts()

        typed = TypedText(
            self._events,
            self._report,
            on_typed=person_typed,
            spends=self._budget.message,
            takes_presence=lambda text: duplex.takes_presence(text, self._own_words.language),
        )
        await self._session.start(
            room_agent,
            room=self._context.room,
            room_options=room_options(self._settings, on_text=typed),
            session_host=False,
            record=False,
        )
        self._session.output.transcription = None  # what is heard is written, not what is made
        self._telephone.follow(lambda keys: typed.take(self._session, keys))
        panels = Panels(self._session, self._context.room, talks_with=self._talks_with)
        self._running.push_async_callback(panels.serve().aclose)
        limits.follow(self._session)

    def _talks_with(self, identity: str) -> bool:
        """Whether that participant is the person of the call: others may be in a shared room."""
        person = self._person()
        return person is not None and person.identity == identity

    def _person(self) -> rtc.RemoteParticipant | None:
        return self._session.room_io.linked_participant

    # --- its parts

    async def _conversing(self) -> Conversation:
        store = open_store(self._settings.sessions)
        self._running.push_async_callback(store.aclose)
        experiments = open_experiments(self._settings.experiments)
        for opened in (self._approvals, experiments):
            if opened is not None:
                self._running.push_async_callback(opened.aclose)
        return await self._running.enter_async_context(
            conversing(
                self._app,
                session_record(self._settings, self._wishes, self._app),
                self._settings,
                client=self._client,
                store=store,
                resumed=self._wishes.resumed,
                approvals=self._approvals,
                experiments=experiments,
                on_lost=lambda what, why: _log.error("%s is away: %s", what, why),
                pace=self._pace,
            )
        )

    def _duplex(self, agent: Agent) -> Duplex:
        duplex = Duplex(
            self._context.room,
            self._events,
            sample_rate_hz=SPEAKING_HZ,
            policy=floor_policy(self._turn(agent)),
            words=self._words(agent),
            record=self._wishes.record,
        )
        self._running.push_async_callback(duplex.aclose)
        return duplex

    def _turn(self, agent: Agent) -> TurnSection:
        return turn_settings(self._settings.turn, agent)

    def _words(self, agent: Agent) -> TurnPolicy:
        return agent.turn_policy or WordPolicy(self._own_words.language)

    def _silence(self, agent: Agent) -> SilencePrompts | None:
        idle_s = self._settings.agent.idle_s
        return agent.silence or (SilencePrompts(after_s=idle_s) if idle_s else None)

    def _tts(self, pool: SpeechPool, agent: Agent, session_id: str) -> WorkerTTS:
        tts = self._settings.tts
        return WorkerTTS(
            pool,
            voice=agent.voice or tts.default_model,
            default_voice=tts.default_model,
            speed=tts.speed,
            first_flush_words=self._settings.turn.first_flush_words,
            language=self._own_words.language,
            session_id=session_id,
        )

    async def _stt(self, node: NodeLink, session_id: str) -> WorkerSTT | None:
        asr = self._settings.asr
        if not asr.enabled:
            return None
        pool = recognition_pool(self._settings, node)
        return WorkerSTT(
            await self._running.enter_async_context(pool),
            language=asr.language,
            preflight_silence_s=self._settings.turn.preflight_silence_s,
            session_id=session_id,
            traceparent=lambda: self._trace.traceparent,
            word_times=asr.adapter == "whisperx",
            ends_turns=self._settings.turn.end_of_turn == "judged",
        )

    def _turn_ends(self, agent: Agent, duplex: Duplex, hearing: WorkerSTT) -> TurnEnds:
        turn_ends = TurnEnds(
            end_of_turn_policy(self._turn(agent)),
            duplex.barge_in,
            language=lambda: self._own_words.language,
            asked=lambda: duplex.barge_in.asked,
            on_end=hearing.end_turn,
            guess_is_worth=self._guesses.worth,
        )
        turn_ends.on_guess = hearing.guess
        turn_ends.guesses_before_pauses = lambda: not self._answering.may_call_tools
        self._running.push_async_callback(turn_ends.aclose)
        return turn_ends

    def _answers(
        self, conversation: Conversation, duplex: Duplex, hearing: WorkerSTT | None
    ) -> Answering:
        answering = Answering(
            conversation,
            duplex.barge_in,
            self._events,
            commit_silence_s=self._settings.turn.commit_silence_s,
            words_owed=lambda: hearing is not None and hearing.pending_finals.owed,
            on_agent=lambda agent: self._another_speaks(agent, duplex),
            on_hang_up=lambda: self._beside_the_call(self._close("")),
        )
        if self._settings.llm_is_local:  # no other is known to keep what it has read
            answering.reads_ahead = lambda: self._guesses.worth(WORDS_STAY)
        self._running.push_async_callback(answering.aclose)
        return answering

    def _limited(self, agent: Agent) -> CallLimits:
        limits = CallLimits(
            silence=self._silence(agent),
            prompts=self._own_words.silence_prompts,
            max_call_s=self._budget.longest_s(self._app.max_call_s),
            warning=self._own_words.language.phrases.one_minute_left,
            say=lambda text: self._session.say(text, add_to_chat_ctx=False),
            hang_up=lambda: self._beside_the_call(self._close(self._own_words.closing)),
        )
        self._running.push_async_callback(limits.aclose)
        return limits

    # --- what it says of itself

    def _greet(self, conversation: Conversation) -> None:
        greeting = self._own_words.greeting
        if self._settings.llm_is_local:
            self._beside_the_call(conversation.prepare(greeting))
        if self._wishes.resumed and conversation.session.log.entries:
            # Of the platform, like an apology: a model that is shown it says it again.
            resumed = self._own_words.language.phrases.resumed
            self._session.say(resumed, allow_interruptions=True, add_to_chat_ctx=False)
        elif greeting:
            self._say(greeting)
        news = LateNews(conversation, self._session, self._answering, self._report)
        self._running.push_async_callback(news.follow().aclose)

    def _say(self, text: str) -> SpeechHandle:
        """Says words of the agent's own, which are remembered."""
        handle = self._session.say(text, allow_interruptions=True, add_to_chat_ctx=False)
        self._answering.said(self._report.reply_of(handle), text)
        return handle

    def _another_speaks(self, agent: Agent, duplex: Duplex) -> None:
        chosen = self._voices.chosen if self._voices is not None else ""
        default = self._app.voice or self._speaking.default_voice
        self._speaking.voice = agent.voice or chosen or default
        self._speaking.language = self._own_words.language
        turn = self._turn(agent)
        duplex.barge_in.judge_by(floor_policy(turn), self._words(agent))
        self._waits.judge_by(turn)
        self._limits.wait_as(self._silence(agent), self._own_words.silence_prompts)

    async def _close(self, closing: str) -> None:
        """Ends the call for everybody once the closing was heard; a second call does nothing."""
        if self._closes:
            return
        self._closes = True
        if closing:
            await asyncio.wait(
                {asyncio.ensure_future(self._say(closing).wait_for_playout())},
                timeout=CLOSING_WITHIN_S,
            )
        await asyncio.sleep(LAST_WORDS_S)
        await self._context.delete_room()
        self._context.shutdown("the agent has hung up")

    async def _end(self) -> None:
        for task in self._beside:
            task.cancel()
        await asyncio.gather(*self._beside, return_exceptions=True)
        await self._running.aclose()
        await self._client.close()
        await asyncio.to_thread(tracing.flush_traces)

    def _beside_the_call(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)

    async def _choose_voice(self, speech: SpeechPool) -> None:
        voices = self._voices = VoiceControl(
            speech,
            self._speaking,
            offered=self._settings.tts.voices,
            spends=self._budget.voice_change,
        )
        voices.serve(self._context.room, talks_with=self._talks_with)
        try:
            if self._wishes.voice:
                await voices.choose(self._wishes.voice)
            elif self._speaking.voice != self._settings.tts.default_model:
                await voices.use(self._speaking.voice)
        except SpeechError as error:
            self._events.error("voice_unavailable", str(error))

"""One session held by one connection: the machine, and what its effects do."""

import asyncio
import contextlib
import functools
import logging
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Protocol

from dialogue.conversation import Conversation
from dialogue.orchestration.attempt import AnswerAttempt
from dialogue.orchestration.desk import (
    Claim,
    ClaimLostError,
    SessionDesk,
    SessionSnapshot,
)
from dialogue.orchestration.latency import LatencyBreakdown
from dialogue.orchestration.logged import (
    logged_turn,
    logged_words,
    mend_log,
    settle_logged,
    stored_answer,
    turn_id_of,
)
from dialogue.orchestration.machine import step
from dialogue.orchestration.outputs import (
    Connected,
    CutOff,
    Problem,
    Responded,
    StateTold,
    TalkOutput,
)
from dialogue.orchestration.parts import TalkParts
from dialogue.orchestration.speaking import SAMPLE_RATE_HZ, AnswerVoice
from dialogue.orchestration.states import (
    AgentHasNews,
    AnswerBegan,
    AnswerMade,
    AnswerSpoken,
    ConnectionCame,
    DialogueEffect,
    DialogueEvent,
    DialogueState,
    FragmentCame,
    Reject,
    Respond,
    StateChanged,
    StopSpeaking,
    StopThinking,
    TellInterrupt,
    Think,
    TurnStanding,
)
from dialogue.text.languages import Language, get_or_english
from parley.speech import SynthesisRequest
from parley.telemetry import logs

OVERDUE_S = 30.0
"""Beyond the time that an answer takes to say, after which it counts as said."""
PARTIALS_EVERY_S = 0.25
"""How often words that may still change are written down."""

_log = logging.getLogger(__name__)
_language = functools.lru_cache(get_or_english)
"""Looked for once: it is asked for several times a turn."""


class TalkOutlet(Protocol):
    """Where what a talk gives goes."""

    async def give(self, output: TalkOutput) -> None:
        """Audio may have to wait for a slow client; everything else does not."""
        ...

    def drop_voice(self) -> None:
        """Audio that has not left yet is not to."""
        ...


@dataclass(frozen=True, kw_only=True)
class TalkOptions:
    """What the client wants beside the plain three."""

    streams: bool = False
    speaks: bool = False
    language: str = ""


class Talk:
    """Opened by `holding.talking`. `lost` is set when another connection has taken the session."""

    def __init__(
        self,
        conversation: Conversation,
        claim: Claim,
        parts: TalkParts,
        outlet: TalkOutlet,
        options: TalkOptions,
        snapshot: SessionSnapshot,
        *,
        is_resumed: bool,
    ) -> None:
        """`is_resumed`: the session is known from before."""
        self._conversation = conversation
        self._claim = claim
        self._parts = parts
        self._desk: SessionDesk = parts.desk
        self._outlet = outlet
        self._options = options
        self._snapshot = snapshot
        self._is_resumed = is_resumed
        self._lock = asyncio.Lock()
        self._attempt: AnswerAttempt | None = None
        self._thinking: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None
        """Waits until the answer counts as said."""
        self._beside: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._responded_s: float | None = None
        self._heard = ""
        self._stt_ms = 0.0
        self._answered_at_s = 0.0
        self.lost = claim.lost
        self.ended = asyncio.Event()
        """The agent has hung up, and its last words were said."""

    @property
    def session_id(self) -> str:
        return self._claim.session_id

    @property
    def standing(self) -> TurnStanding:
        return self._snapshot.standing

    @property
    def latency(self) -> LatencyBreakdown:
        return self._snapshot.latency

    async def begin(self) -> None:
        """Tells the client that it is connected, and goes on where the session stood."""
        standing = self.standing
        await self._outlet.give(Connected(standing.state, standing.turn_number, self._is_resumed))
        await self.take(ConnectionCame(time.time()))
        self._conversation.tell_news(self._tell_news)
        await self._save()

    def mend(self) -> None:
        """The log has what the session's standing says was said."""
        standing = self.standing
        if standing.state is DialogueState.SPEAKING and standing.answer_is_whole:
            mend_log(self._conversation, standing, now_s=self._parts.clock())

    async def take(self, event: DialogueEvent, *, spoken_at_s: float | None = None) -> None:
        """One event after the other. `spoken_at_s`: when the words of a fragment were over, as the
        client says (seconds since 1970)."""
        if isinstance(event, FragmentCame) and spoken_at_s is not None:
            self._stt_ms = min(60_000.0, max(0.0, (event.at_s - spoken_at_s) * 1000))
        async with self._lock:
            before = self.standing
            self._answered_at_s = before.since_s
            standing, effects = step(before, event)
            self._snapshot = self._snapshot.model_copy(
                update={"standing": standing, "seen_at_s": event.at_s}
            )
            if effects or standing.finals != before.finals:
                await self._save()
            elif standing != before:
                await self._save_soon()
            for effect in effects:
                await self._do(effect)

    async def aclose(self) -> None:
        """What was being thought or said ends; the session stays where it is."""
        async with self._lock:
            beside = (self._thinking, self._ending, *self._beside)
            tasks = [task for task in beside if task is not None]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self._timer is not None:
                self._timer.cancel()
            if self._attempt is not None:
                speaks = self.standing.state is DialogueState.SPEAKING
                if speaks and self.standing.answer_is_whole:
                    await self._attempt.silence()
                else:
                    await self._attempt.stopped()
            if not self.lost.is_set():
                await self._save()

    def _tell_news(self) -> None:
        self._beside_task(self.take(AgentHasNews(time.time())))

    # --- effects

    async def _do(self, effect: DialogueEffect) -> None:
        match effect:
            case StateChanged():
                await self._changed(effect)
            case Think():
                self._think(effect)
            case StopThinking(_, begun):
                await self._stop_thinking(begun=begun)
            case Respond():
                await self._respond(effect)
            case StopSpeaking(_, interrupted):
                await self._stop_speaking(interrupted=interrupted)
            case TellInterrupt():
                self._parts.metrics.interrupts.inc()
                await self._outlet.give(CutOff(self.standing.turn_number, self._heard))
            case Reject(code, message):
                self._parts.metrics.failed(code)
                await self._outlet.give(Problem(code, message))

    async def _changed(self, change: StateChanged) -> None:
        self._parts.metrics.transitions.labels(change.old, change.new).inc()
        with logs.bound(
            session=self.session_id,
            turn=str(self.standing.turn_number),
            old=change.old,
            new=change.new,
            why=change.why,
            after_ms=str(round(change.after_s * 1000)),
        ):
            _log.info("%s -> %s: %s", change.old, change.new, change.why)
        await self._outlet.give(StateTold(change.old, change.new, change.why, change.at_s))

    def _think(self, think: Think) -> None:
        turn_id = turn_id_of(self.session_id, think.attempt)
        known = logged_words(self._conversation, think.text)
        self._attempt = AnswerAttempt(
            conversation=self._conversation,
            think=think,
            text=think.text[len(known) :].strip(),
            turn_id=turn_id,
            was_begun=think.again and logged_turn(self._conversation, turn_id),
            pipelines=self._parts.resources.pipelines,
            answer_in_store=lambda turn_id: stored_answer(
                self._parts.store, self.session_id, turn_id
            ),
            language=self._language,
            voice=self._voice(think),
            streams=self._options.streams,
            commit_after_s=self._parts.commit_after_s,
            give=self._outlet.give,
            began=lambda: self.take(AnswerBegan(time.time(), think.attempt)),
            clock=self._parts.clock,
        )
        self._responded_s = None
        self._thinking = asyncio.create_task(self._answer(self._attempt), name="think")

    async def _answer(self, attempt: AnswerAttempt) -> None:
        """Runs beside the machine; what it comes to is an event."""
        with self._parts.metrics.thinking():
            await attempt.run()
        if attempt.voice is not None and attempt.voice.has_text:
            try:
                async with asyncio.timeout(self._parts.tts_timeout_s):
                    await attempt.voice.first_audio.wait()
            except TimeoutError:
                self._parts.metrics.left("speech", "late")
        latency = attempt.latency(stt_ms=self._stt_ms)
        self._snapshot = self._snapshot.model_copy(update={"latency": latency})
        self._stt_ms = 0.0
        number = attempt.think.attempt
        await self.take(AnswerMade(time.time(), number, attempt.answer))

    async def _stop_thinking(self, *, begun: bool) -> None:
        if self._thinking is not None:
            self._thinking.cancel()
            await asyncio.gather(self._thinking, return_exceptions=True)
            self._thinking = None
        if self._attempt is not None and not begun:
            await self._attempt.stopped()
            self._attempt = None

    async def _respond(self, respond: Respond) -> None:
        attempt = self._attempt
        self._responded_s = self._parts.clock()
        grounds = attempt.grounds if attempt is not None else None
        await self._outlet.give(
            Responded(
                self.standing.state,
                respond.turn_number,
                respond.text,
                self.latency,
                intent=grounds.intent if grounds is not None else "",
                sources=tuple(grounds.sources) if grounds is not None else (),
                again=respond.again,
            )
        )
        if not respond.again:
            self._parts.metrics.answered(self.latency, attempt.failures if attempt else ())
        self._ending = asyncio.create_task(self._until_spoken(respond, attempt))

    async def _until_spoken(self, respond: Respond, attempt: AnswerAttempt | None) -> None:
        """Sees to it that the answer counts as said at some time, whatever the client tells."""
        voice = attempt.voice if attempt is not None else None
        if attempt is not None and voice is not None and await attempt.spoken():
            end_s = (voice.first_audio_s or 0.0) + voice.duration_s
            await asyncio.sleep(max(0.0, end_s - self._parts.clock()))
        else:
            grace_s = OVERDUE_S if voice is None else 0.0  # nobody says it where none speaks
            await asyncio.sleep(len(respond.text) / self._language.chars_per_s + grace_s)
        await self.take(AnswerSpoken(time.time(), respond.attempt))

    async def _stop_speaking(self, *, interrupted: bool) -> None:
        if self._ending is not None and self._ending is not asyncio.current_task():
            self._ending.cancel()
        self._ending = None
        if interrupted:
            self._outlet.drop_voice()
        attempt, self._attempt = self._attempt, None
        characters = self._heard_characters(attempt) if interrupted else None
        if attempt is not None:
            self._heard = await attempt.settled(characters, interrupted=interrupted)
            if attempt.hangs_up and not interrupted:
                self.ended.set()
        else:
            self._heard = await settle_logged(
                self._conversation,
                turn_id_of(self.session_id, self.standing.attempt),
                characters,
                interrupted=interrupted,
            )
        self._responded_s = None
        if not interrupted and self._conversation.news:
            self._tell_news()

    # --- what is known of the answer

    def _heard_characters(self, attempt: AnswerAttempt | None) -> int:
        """An estimate: so much as is said at the language's pace, or at the voice's own, in the
        time since the answer, or its first audio, went out."""
        voice = attempt.voice if attempt is not None else None
        if voice is not None:
            if voice.first_audio_s is None or not voice.duration_s or attempt is None:
                return 0
            share = (self._parts.clock() - voice.first_audio_s) / voice.duration_s
            return round(share * len(attempt.answer))
        since_s = self._responded_s
        if since_s is None and attempt is not None:
            since_s = attempt.first_text_s
        if since_s is not None:
            passed_s = self._parts.clock() - since_s
        else:  # another process has answered
            passed_s = time.time() - self._answered_at_s
        return max(0, round(passed_s * self._language.chars_per_s))

    def _voice(self, think: Think) -> AnswerVoice | None:
        parts = self._parts
        if not self._options.speaks or parts.speech is None:
            return None
        agent = self._conversation.agent
        request = SynthesisRequest(
            voice=agent.voice or parts.default_voice,
            sample_rate_hz=SAMPLE_RATE_HZ,
            speed=parts.voice_speed,
            session_id=self.session_id,
            seed=think.attempt,
        )
        return AnswerVoice(
            parts.speech,
            request,
            self._outlet.give,
            turn_number=think.turn_number,
            language=self._language,
            fallback_voice=parts.default_voice,
            clock=parts.clock,
        )

    @property
    def _language(self) -> Language:
        conversation = self._conversation
        return _language(conversation.agent.language or conversation.session.language)

    # --- where it stands

    async def _save(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        with contextlib.suppress(ClaimLostError):  # `lost` is set: whoever holds this ends it
            await self._desk.save(self._claim, self._snapshot)

    async def _save_soon(self) -> None:
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(PARTIALS_EVERY_S, lambda: self._beside_task(self._save()))

    def _beside_task(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)

"""One thinking: the turn as it is answered by the engine, streamed, spoken, and timed."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field

from dialogue.checkpoints.pipelines import Pipelines
from dialogue.checkpoints.store import (
    CheckpointError,
    PipelineHeldError,
    PipelineStatus,
    SavedPipeline,
)
from dialogue.conversation import ActiveTurn, Conversation
from dialogue.orchestration.latency import LatencyBreakdown
from dialogue.orchestration.outputs import Problem, Streamed
from dialogue.orchestration.speaking import AnswerVoice
from dialogue.orchestration.states import Think
from dialogue.text.languages import Language
from parley.app.events import (
    Error,
    Event,
    Filler,
    Grounded,
    Handoff,
    HangUp,
    TextDelta,
)
from parley.clock import Clock
from parley.errors import ParleyError, SpeechError

CLAIM_AGAIN_S = 0.5
CLAIM_GRACE_S = 2.0
"""Beyond the lease of who had begun the turn."""

_log = logging.getLogger(__name__)


@dataclass
class _Part:
    """Of an answer, what one agent says; another that takes over adds its own."""

    turn: ActiveTurn
    shown: str = ""
    taken: bool = False


@dataclass(kw_only=True)
class AnswerAttempt:
    """Answers `text`, the rest of the turn that the log does not have yet."""

    conversation: Conversation
    think: Think
    text: str
    turn_id: str
    language: Language
    voice: AnswerVoice | None
    streams: bool
    """Whether the client is given the answer as it is made."""
    commit_after_s: float
    """Without another word for so long, the turn is one: tools with effects may run."""
    give: Callable[[Streamed | Problem], Awaitable[None]]
    began: Callable[[], Awaitable[None]]
    """Is called once, before the first of the answer goes out."""
    clock: Clock
    was_begun: bool = False
    """Another process has begun to answer the turn, which was sure already."""
    pipelines: Pipelines | None = None
    """Know what it had done."""
    answer_in_store: Callable[[str], Awaitable[str]] | None = None
    """What the session store has as the answer of a turn; another process may have made it."""
    grounds: Grounded = field(default_factory=Grounded)
    answer: str = ""
    """What the client is to say, whole once `run` has returned."""
    hangs_up: bool = False
    failures: list[str] = field(default_factory=list)
    """Codes of what went wrong."""
    begun_s: float = 0.0
    asked_s: float = 0.0
    first_text_s: float | None = None
    made_s: float = 0.0
    _parts: list[_Part] = field(default_factory=list)
    _said: str = ""
    """With what bridged the wait."""
    _has_begun: bool = False
    _recovered: str | None = None
    """The id of a turn whose answer somebody else has made."""
    _commit: asyncio.TimerHandle | None = None
    _speaking: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Returns with the answer made; never raises for what an engine or a voice does.

        Cancelling it cancels the request to the model, and the voice.
        """
        self.begun_s = self.asked_s = self.clock()
        if self.voice is not None:
            self._speaking = asyncio.create_task(self._speak(self.voice), name="speak the answer")
        loop = asyncio.get_running_loop()
        self._commit = loop.call_later(self.commit_after_s, self._take)
        try:
            await self._answer()
        except ParleyError as error:
            _log.warning("session %s: no answer: %s", self.conversation.session.id, error)
            self.failures.append("engine_failed")
        except Exception:
            _log.exception("session %s: no answer", self.conversation.session.id)
            self.failures.append("engine_failed")
        self.answer = self.answer.strip() or self._said.strip()
        if not self.answer:
            self.answer = self.language.phrases.apology
            await self._bridge(Filler(self.answer))
        self.made_s = self.clock()
        self._take()
        if self.voice is not None:
            self.voice.finish()

    async def stopped(self) -> None:
        """After `run` was cancelled before anything of it went out: the turn is forgotten, or,
        where it was sure already, kept with an answer of which nothing was heard."""
        self._end()
        await self.silence()
        for part in self._parts:
            if part.taken:
                await self.conversation.heard(part.turn.id, "", interrupted=True)
            else:
                part.turn.drop()

    async def settled(self, heard_chars: int | None, *, interrupted: bool) -> str:
        """No more of it will be heard; all of it was, for None. Returns what was."""
        self._end()
        await self.silence()
        heard = ""
        if self._recovered is not None:
            heard = self.answer
            if heard_chars is not None:
                heard = _whole_words(heard, heard_chars)
            await self.conversation.heard(self._recovered, heard, interrupted=interrupted)
        for part in self._parts:
            if not part.taken:
                part.turn.taken()
                part.taken = True
            text = part.shown
            if heard_chars is not None:
                text = _whole_words(part.shown, max(0, heard_chars - len(heard)))
            heard += text
            await self.conversation.heard(part.turn.id, text, interrupted=interrupted)
        return heard

    def latency(self, *, stt_ms: float) -> LatencyBreakdown:
        """Where the time went until now, the end of speech included."""
        grounds, asked_s, made_s = self.grounds, self.asked_s, self.made_s
        first_s = self.first_text_s or made_s
        return LatencyBreakdown(
            stt_ms=round(stt_ms, 1),
            intent_ms=grounds.intent_ms or 0.0,
            rag_ms=grounds.retrieval_ms or 0.0,
            parallel_ms=grounds.took_ms,
            llm_ms=_ms(made_s - asked_s),
            llm_first_token_ms=_ms(first_s - asked_s),
            tts_ms=round(self.voice.first_audio_ms, 1) if self.voice is not None else 0.0,
            total_ms=round(stt_ms, 1) + _ms(self.clock() - self.begun_s),
        )

    async def silence(self) -> None:
        """Ends the voice."""
        if self._speaking is not None:
            self._speaking.cancel()
            await asyncio.gather(self._speaking, return_exceptions=True)

    async def spoken(self) -> bool:
        """Waits until the voice has given all of its audio; False where there is no voice, or it
        has failed."""
        if self._speaking is None or self.voice is None:
            return False
        await asyncio.wait({self._speaking})
        return not self._speaking.cancelled() and self.voice.duration_s > 0

    async def _resumed(self) -> tuple[str, str] | None:
        """What is to be answered, under which id, of a turn that another process had begun: what
        it had done is not done again. Where nobody kept that, the log's calls are what is known,
        and the agent goes on from there. None: somebody has answered it."""
        if self.pipelines is not None:
            try:
                if (saved := await self._claimed(self.pipelines)) is not None:
                    return saved.record.text, self.turn_id
            except CheckpointError as error:
                _log.info("turn %s is not gone on with: %s", self.turn_id, error)
            if self.answer_in_store is not None:
                self.answer = await self.answer_in_store(self.turn_id)
                if self.answer:
                    return None
        return "", f"{self.turn_id}-again"

    async def _claimed(self, pipelines: Pipelines) -> SavedPipeline | None:
        """None: it is over. Raises CheckpointError."""
        give_up_s = self.clock() + pipelines.lease_s + CLAIM_GRACE_S
        while True:
            try:
                return await pipelines.claim(self.turn_id)
            except PipelineHeldError:  # its owner's lease has not run out yet, or it is over
                saved = await pipelines.checkpoints.load(self.turn_id)
                is_over = saved is None or saved.record.status is not PipelineStatus.RUNNING
                if is_over or self.clock() > give_up_s:
                    return None
            await asyncio.sleep(CLAIM_AGAIN_S)

    async def _answer(self) -> None:
        text, turn_id = self.text, self.turn_id
        if self.was_begun:
            if (resumed := await self._resumed()) is None:
                self._recovered = self.conversation.say(self.answer, turn_id=turn_id)
                await self._out(TextDelta(self.answer), self.answer)
                return
            text, turn_id = resumed
        while True:
            handed_off = False
            turn = self.conversation.turn(text, waiting_since_s=self.begun_s, turn_id=turn_id)
            part = _Part(turn, taken=turn.is_committed)
            self._parts.append(part)
            if self.was_begun or len(self._parts) > 1:
                self._take()
            async with aclosing(turn.events()) as events:
                async for event in events:
                    await self._on(event, part)
                    handed_off |= isinstance(event, Handoff)
            if not handed_off:
                return
            text, turn_id = "", f"{self.turn_id}-{len(self._parts)}"

    async def _on(self, event: Event, part: _Part) -> None:
        match event:
            case Grounded():
                self.grounds, self.asked_s = event, self.clock()
            case TextDelta(text):
                if self.first_text_s is None:
                    self.first_text_s = self.clock()
                if self.answer and not part.shown and not self.answer[-1].isspace():
                    self.answer += " "
                self.answer += text
                part.shown += text
                await self._out(event, text)
                return
            case Filler(text):
                if self.failures:  # an apology, not the bridge of a wait
                    self.answer = f"{self.answer.rstrip()} {text}".lstrip()
                await self._bridge(event)
                return
            case HangUp():
                self.hangs_up = True
            case Error(code, message, retryable):
                self.failures.append(code)
                await self.give(Problem(code, message, retryable))
        if self.streams:
            await self.give(Streamed(self.think.turn_number, event))

    async def _bridge(self, event: Filler) -> None:
        text = event.text if not self._said or self._said[-1:].isspace() else f" {event.text}"
        await self._out(event, text)

    async def _out(self, event: TextDelta | Filler, text: str) -> None:
        self._said += text
        if self.voice is not None:
            self.voice.say(text)
        if self.streams:
            await self._begin()
            await self.give(Streamed(self.think.turn_number, event))

    async def _begin(self) -> None:
        if not self._has_begun:
            self._has_begun = True
            await self.began()

    async def _speak(self, voice: AnswerVoice) -> None:
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._begin_with(voice))
                both.create_task(voice.run())
        except* SpeechError as errors:
            voice.first_audio.set()
            _log.warning("an answer is not spoken: %s", errors.exceptions[0])
            self.failures.append("speech_failed")
            await self.give(Problem("speech_failed", "the answer cannot be spoken", True))

    async def _begin_with(self, voice: AnswerVoice) -> None:
        await voice.first_audio.wait()
        if voice.first_audio_s is not None:
            await self._begin()

    def _take(self) -> None:
        """The turn is one."""
        for part in self._parts:
            part.turn.commit()
            part.taken = True

    def _end(self) -> None:
        if self._commit is not None:
            self._commit.cancel()


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)


def _whole_words(text: str, characters: int) -> str:
    """So much of the text, up to the end of a word."""
    if characters >= len(text):
        return text
    cut = text[:characters]
    if not text[characters].isspace() and " " in cut:
        cut = cut[: cut.rindex(" ")]
    elif not text[characters].isspace():
        cut = ""
    return cut.rstrip()

"""Speaking through a pool of workers, any of which may go away in mid-utterance."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import aclosing

import grpc

from parley.errors import SpeechError, StreamIdleError, WorkersBusyError
from parley.rpc.v1 import synthesis_pb2
from parley.rpc.v1 import synthesis_pb2_grpc as rpc
from parley.speech.admin import LOAD_TIMEOUT_S
from parley.speech.balancing.picker import Candidate, pick, usable
from parley.speech.balancing.retries import (
    BUSY_LIMIT_S,
    MAX_WORKERS_TRIED,
    RETRIED,
    Retries,
)
from parley.speech.balancing.workers import PATIENCE_S, Workers
from parley.speech.channel import as_speech_error
from parley.speech.replay_buffer import ReplayBuffer
from parley.speech.synthesis.attempt import ADMISSION_LIMIT_S, CHECK_S, Attempt
from parley.speech.synthesis.client import SpeechEvent, SynthesisCall, SynthesisRequest
from parley.speech.synthesis.utterance import Resumption, Utterance

SLOT_WAIT_S = 0.8 * ADMISSION_LIMIT_S
"""A worker refuses before it would be taken for a stalled one."""
SEEN_WITHIN_S = 2.5
"""A worker is asked for its status every second."""
HEDGE_AFTER_S = 0.35
"""Text sent this long ago without audio is late enough to ask an idle worker too."""


class SpeechPool(Workers):
    """The synthesis workers that discovery knows.

    Use as an async context manager, inside the process and event loop that speaks.
    """

    KIND = "synthesis"

    def stub(self, target: str) -> "rpc.SpeechSynthesisAsyncStub":
        """The worker's typed stub, for calls that are addressed to one worker."""
        return rpc.SpeechSynthesisStub(self._channels.to(target))

    async def synthesize(
        self,
        request: SynthesisRequest,
        texts: AsyncIterable[str],
        *,
        fallback_voice: str | None = None,
        busy_limit_s: float = BUSY_LIMIT_S,
    ) -> AsyncGenerator[SpeechEvent]:
        """Speaks `texts` as they arrive; each is one clause or sentence.

        When a worker is lost or stalls, another goes on with the utterance, after a gap. Where no
        worker has the voice any more, `fallback_voice` goes on from the text that was cut.
        While all workers are at capacity they are asked again, as they say when, for up to
        `busy_limit_s`; nobody else needs to. Closing the iterator cancels the utterance at the
        worker. Raises what `texts` raises, and SpeechError subclasses: WorkersBusyError when all
        stayed at capacity, VoiceNotFoundError, WorkerUnavailableError when none is left.
        """
        self.scoreboard.earn_hedge()
        utterance = Utterance(request)
        replay = ReplayBuffer(texts)
        replay.open()
        retries = Retries(clock=self._clock, random=self._random, busy_limit_s=busy_limit_s)
        try:
            async with aclosing(self._speak(utterance, replay, fallback_voice, retries)) as events:
                async for event in events:
                    yield event
        finally:
            await replay.aclose()
        if replay.failure is not None:
            raise replay.failure

    async def load(self, voice: str, *, timeout_s: float = LOAD_TIMEOUT_S) -> None:
        """Has a worker hold the voice in memory, unless one does: replies in it go there first,
        and to others, which then load it too, only where that one is full or lost.

        Returns when it is known to be there. Raises VoiceNotFoundError where no worker knows it,
        else WorkerUnavailableError; the texts name addresses.
        """
        give_up_at = self._clock() + timeout_s
        failed: dict[str, SpeechError] = {}
        while not any(voice in each.resident for each in self.others("", voice=voice)):
            await self.pick(failed, voice=voice, patience_s=0.0)  # raises where none is left
            left = usable(self.scoreboard.candidates(), voice=voice, exclude=failed)
            stored = [candidate for candidate in left if voice in candidate.stored]
            chosen = pick(stored or left, random=self._random)
            assert chosen is not None
            failure = await self._load(chosen.target, voice, give_up_at - self._clock())
            if failure is None:
                return await self._until_resident(chosen.target, voice)
            failed[chosen.target] = failure
            if len(failed) == MAX_WORKERS_TRIED:
                raise failure

    async def _load(self, target: str, voice: str, timeout_s: float) -> SpeechError | None:
        """Why the worker cannot; None where it has."""
        request = synthesis_pb2.LoadVoiceRequest(voice=voice)
        try:
            await self.stub(target).LoadVoice(request, timeout=max(0.0, timeout_s))
        except grpc.aio.AioRpcError as error:
            return as_speech_error(error, target=target)
        return None

    async def _until_resident(self, target: str, voice: str) -> None:
        give_up_at = self._clock() + SEEN_WITHIN_S
        while self._clock() < give_up_at:
            for each in self.scoreboard.candidates():
                if each.target == target and voice in each.resident:
                    return
            await self.scoreboard.updated()

    async def _speak(
        self,
        utterance: Utterance,
        replay: ReplayBuffer[str],
        fallback_voice: str | None,
        retries: Retries,
    ) -> AsyncGenerator[SpeechEvent]:
        """Attempt after attempt, each going on where the last one broke off."""
        resumption = utterance.resume()
        while True:
            attempt: Attempt | None = None
            try:
                voice = resumption.request.voice
                can_fall_back = fallback_voice not in (None, voice)
                await replay.reaches(utterance.spoken_texts)
                candidate = await self.pick(
                    retries.failed, voice=voice, patience_s=0 if can_fall_back else PATIENCE_S
                )
                attempt = self._attempt(
                    candidate,
                    utterance,
                    resumption,
                    replay,
                    is_last=retries.leave_one,
                    has_waited=retries.refused,
                )
                if utterance.started is None:
                    attempt, pending = await self._hedged(attempt, utterance, resumption, replay)
                else:
                    pending = await attempt.until_audio()
                retries.progressed()
                while (event := pending.pop(0)) is not None:
                    if (accepted := utterance.accept(event)) is not None:
                        yield accepted
                    if not pending:
                        pending.append(await attempt.read())
                return
            except RETRIED as error:
                failure: SpeechError = error
            finally:
                if attempt is not None:
                    await attempt.aclose()
            target = attempt.target if attempt is not None else None
            if target is None and can_fall_back and not isinstance(failure, WorkersBusyError):
                retries.start_over()
                resumption = utterance.resume(voice=fallback_voice)
            else:
                await self._after(failure, target, retries)
                resumption = utterance.resume()

    async def _after(self, failure: SpeechError, target: str | None, retries: Retries) -> None:
        """Returns when a worker may be asked; raises what cannot be retried."""
        if isinstance(failure, StreamIdleError):
            return
        if target is not None:
            retries.note(target, failure)
        if target is None or retries.exhausted:
            await retries.until_capacity(failure)

    def _attempt(
        self,
        candidate: Candidate,
        utterance: Utterance,
        resumption: Resumption,
        replay: ReplayBuffer[str],
        *,
        is_last: bool = False,
        has_waited: bool = False,
    ) -> Attempt:
        """`is_last`: where it fails too, no other is asked; it gets the time of one that is alone,
        so that speech still comes where every worker is slow. `has_waited`: another worker has let
        it wait for a slot; this one has one free, or is to say so at once."""
        target, voice = candidate.target, resumption.request.voice
        slot_wait_s = 0.0 if has_waited else SLOT_WAIT_S
        return Attempt(
            SynthesisCall(
                self.stub(target),
                target=target,
                request=resumption.request,
                texts=resumption.texts(replay),
                slot_wait_s=slot_wait_s,
            ),
            candidate=candidate,
            utterance=utterance,
            scoreboard=self.scoreboard,
            alone=lambda: is_last or not self.others(target, voice=voice),
            expected_s=lambda: self.expected_s(target, voice=voice),
            others_full=lambda: all(other.load >= 1 for other in self.others(target, voice=voice)),
            clock=self._clock,
        )

    async def _hedged(
        self,
        attempt: Attempt,
        utterance: Utterance,
        resumption: Resumption,
        replay: ReplayBuffer[str],
    ) -> tuple[Attempt, list[SpeechEvent | None]]:
        """The attempt whose first audio comes first, and its events up to there.

        Where `attempt` is late, an idle worker is asked as well, within the budget. Every
        attempt that is not returned has been closed.
        """
        lead = asyncio.create_task(attempt.until_audio(), name="first-audio")
        running = {lead: attempt}
        try:
            while not lead.done() and attempt.waited_s < HEDGE_AFTER_S:
                await asyncio.wait({lead}, timeout=CHECK_S)
            idle = None if lead.done() else self._idle(resumption.request.voice, attempt.target)
            if idle is not None and self.scoreboard.spend_hedge():
                rival = self._attempt(idle, utterance, resumption, replay)
                running[asyncio.create_task(rival.until_audio(), name="hedge")] = rival
            while True:
                done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    ended = running.pop(task)
                    if task.exception() is None:
                        return ended, task.result()
                    await ended.aclose()
                if not running:
                    return attempt, await task  # raises why the last one failed
        finally:
            for task, loser in running.items():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                await loser.aclose()

    def _idle(self, voice: str, busy_with: str) -> Candidate | None:
        """An idle worker that has the voice in memory, beside the one already asked."""
        others = self.others(busy_with, voice=voice)
        warm = [worker for worker in others if worker.idle and voice in worker.resident]
        return self._random.choice(warm) if warm else None

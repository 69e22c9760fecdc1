"""Holds scripted conversations by voice: a synthetic caller speaks, and judges what it hears."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from caller.access import request_access
from caller.call_recording import CallRecording
from caller.client import RoomClient, join
from caller.errors import CallError
from caller.floor_log import FloorLog
from caller.script import Interrupt, Say, ScriptStep, Step, Timed, Wait
from caller.script_report import StepReport, report_steps
from caller.scripted_call import ScriptedCall
from cli.evaluation.checks import Observed, plain_checks
from cli.evaluation.file import ScriptedConversation, ScriptedTurn, Spoken
from cli.evaluation.judge import Judge
from cli.evaluation.report import CalledTool, Check, ConversationReport, TurnResult
from cli.evaluation.voices import CallerVoice
from parley.errors import AudioFileError, SpeechError
from parley.room_events import ToolEvent

_NO_FOLDER = Path("/")
"""Clips are named by whole paths."""
TRANSCRIPT_TIMEOUT_S = 3.0
AFTERMATH_S = 0.5


@dataclass
class _Said:
    """Words that were spoken to the agent, and the span of the caller's clock that is theirs."""

    words: Spoken
    interrupts: bool
    since_s: float
    until_s: float = field(default=float("inf"))


@dataclass(frozen=True, kw_only=True)
class ByVoice:
    """Calls the Parley behind `gateway_url`; `app` is a name of its agent.apps, or empty."""

    gateway_url: str
    app: str
    voice: CallerVoice
    judge: Judge
    show: Callable[[str], None]

    async def hold(self, conversation: ScriptedConversation, *, name: str) -> ConversationReport:
        """Holds it in a call of its own; what goes wrong is in the report."""
        try:
            turns = [
                (turn, await self._step(turn), await self._step(turn.interrupt))
                for turn in conversation.turns
            ]
            access = await request_access(self.gateway_url, app=self.app)
            async with join(access) as client:
                await client.wait_for_agent()
                call = _EvalCall(client, self.show)
                error = await call.hold(turns)
                return await self._report(call, name, error)
        except (CallError, SpeechError, AudioFileError) as failed:
            return ConversationReport(name=name, error=str(failed))

    async def _step(self, words: Spoken | None) -> Step | None:
        if words is None:
            return None
        clip = str(await self.voice.clip(words))
        if isinstance(words, ScriptedTurn):
            return Say(say=clip)
        after_ms = 1000 * getattr(words, "after_s", 0.0)
        return Interrupt(interrupt=Timed(clip=clip, after_ms=after_ms))

    async def _report(self, call: "_EvalCall", name: str, error: str | None) -> ConversationReport:
        reports: list[TurnResult] = []
        steps = call.measured()
        for place, said in enumerate(call.said):
            step = steps[place] if place < len(steps) else None
            observed = call.observed(said, step)
            later = call.said[place + 1] if place + 1 < len(call.said) else None
            checks = list(plain_checks(said.words, observed))
            if later is not None and later.interrupts:
                checks.insert(0, _gave_way(steps[place + 1] if place + 1 < len(steps) else None))
            if said.words.said is not None and said.words.said.judge:
                judged = said.words.said.judge
                checks.append(
                    await self.judge.check(judged, say=said.words.say, said=observed.said)
                )
            reports.append(
                TurnResult(
                    say=said.words.say or said.words.file,
                    said=observed.said,
                    tools=tuple(observed.tools),
                    first_s=observed.first_s,
                    checks=tuple(checks),
                )
            )
        return ConversationReport(name=name, turns=tuple(reports), error=error)


class _EvalCall:
    """One call: speaks the turns, and keeps what is needed to judge them."""

    def __init__(self, client: RoomClient, show: Callable[[str], None]) -> None:
        self._client = client
        self._show = show
        self._call = ScriptedCall(client, lambda step: None)
        self._began_s = client.clock()
        self._number = 0
        self.said: list[_Said] = []

    async def hold(
        self, turns: Sequence[tuple[ScriptedTurn, Step | None, Step | None]]
    ) -> str | None:
        """Why the call broke off; None where every turn was answered."""
        client = self._client
        try:
            await self._do(Wait(wait="greeting"))
            for turn, say, interrupt in turns:
                await self._speak(turn, say, interrupts=False)
                if turn.interrupt is not None:
                    await self._speak(turn.interrupt, interrupt, interrupts=True)
                await self._do(Wait(wait="reply_ends"))
                await client.reached(
                    lambda: client.transcripts.complete(
                        client.agent_identity, since_s=self.said[-1].since_s
                    ),
                    timeout_s=TRANSCRIPT_TIMEOUT_S,
                )
            until_s = client.clock() + AFTERMATH_S
            await client.reached(lambda: client.clock() >= until_s, timeout_s=5)
        except CallError as error:
            # An agent that hangs up has answered the last turn, and is gone.
            last = turns[-1][0].interrupt or turns[-1][0]
            is_last = bool(self.said) and self.said[-1].words is last
            return None if is_last and self._text(self.said[-1]) else str(error)
        return None

    def measured(self) -> tuple[StepReport, ...]:
        """What the recording of the call shows of each time the caller spoke."""
        client = self._client
        recording = CallRecording.of(client, self._began_s, client.clock())
        floor = FloorLog.of(client.events, unix_offset_s=recording.unix_offset_s)
        return report_steps(self._call.spoken, recording, floor)

    def observed(self, said: _Said, step: StepReport | None) -> Observed:
        response_ms = step.response_ms if step is not None else None
        text = self._text(said)
        return Observed(
            said=text,
            tools=tuple(self._tools(said)),
            first_s=None if response_ms is None else round(response_ms / 1000, 3),
            error="" if text or response_ms is not None else "the agent did not answer",
        )

    async def _speak(self, words: Spoken, step: Step | None, *, interrupts: bool) -> None:
        assert step is not None
        self._show(f"  {words.say or words.file}")
        since_s = self._client.clock()
        await self._do(step)
        if interrupts:  # what came until then was the answer to what was said before
            since_s = self._call.spoken[-1].onset_s
        if self.said:
            self.said[-1].until_s = since_s
        self.said.append(_Said(words, interrupts, since_s))

    async def _do(self, step: Step) -> None:
        self._number += 1
        each = ScriptStep(self._number, 0, step, _NO_FOLDER)
        try:
            await self._call.perform([each])
        except CallError as error:
            # Steps and their lines are those of a script, which there is none of here.
            raise CallError(str(error).removeprefix(f"{each.where}: ")) from None

    def _text(self, said: _Said) -> str:
        client = self._client
        return client.transcripts.said_by(
            client.agent_identity, since_s=said.since_s, until_s=said.until_s
        )

    def _tools(self, said: _Said) -> Iterator[CalledTool]:
        for heard in self._client.events:
            event = heard.event
            if isinstance(event, ToolEvent) and said.since_s <= heard.at_s < said.until_s:
                yield CalledTool(name=event.name, arguments=event.arguments, outcome=event.outcome)


def _gave_way(step: StepReport | None) -> Check:
    found = step.interruption if step is not None else None
    if found is None or found["outcome"] == "ended":
        detail = "the reply was over before the caller spoke"
        return Check(name="gives way", status="skipped", detail=detail)
    silence_ms = float(found["onset_to_silence_ms"])
    if found["outcome"] == "yielded":
        return Check(name="gives way", status="passed", detail=f"after {silence_ms:.0f} ms")
    detail = f"{found['outcome']}: it was heard for {silence_ms:.0f} ms after the caller began"
    return Check(name="gives way", status="failed", detail=detail)

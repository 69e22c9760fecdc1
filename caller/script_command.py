"""`./run call --script FILE.yaml`: performs a scripted conversation and judges its recording."""

import asyncio
import json
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from caller import measure
from caller.access import request_access
from caller.call_recording import SAMPLE_RATE_HZ, CallRecording
from caller.client import RoomClient, join, write_turn_recording
from caller.errors import CallError
from caller.floor_log import FloorLog
from caller.heard_words import word_errors
from caller.intelligibility import recognize
from caller.script import ScriptStep, read_script
from caller.script_report import ScriptReport, report_steps
from caller.scripted_call import ScriptedCall
from parley.audio import Audio
from parley.errors import ConfigurationError, SpeechError
from parley.program import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_MISCONFIGURED
from parley.speech import RecognitionPool

AFTERMATH_S = 1.0
"""The recording goes on for so long after the last step."""
REPLY_GAP_S = 0.5


@dataclass(kw_only=True)
class ScriptCommand:
    """One scripted call: how to make it, and what is known of it so far."""

    file: Path
    keep: Path | None
    gateway_url: str
    voice: str
    recognizers: RecognitionPool
    language: str
    show: Callable[[str], None]
    record: Path | None = None
    report: ScriptReport = field(init=False)

    def __post_init__(self) -> None:
        self.report = ScriptReport(script=str(self.file))

    def run(self) -> int:
        """The exit status; `report` holds what was found, and the sentence if it went wrong."""
        try:
            steps = read_script(self.file)
            self._make_folder()
        except ConfigurationError as error:
            self._note(error=str(error))
            return EXIT_MISCONFIGURED
        try:
            asyncio.run(self._call(steps))
        except (KeyboardInterrupt, asyncio.CancelledError):
            self._note(error="the call was interrupted")
            return EXIT_INTERRUPTED
        except CallError as error:
            self._note(error=str(error))
        return 0 if self.report.kept else EXIT_FAILED

    async def _call(self, steps: Sequence[ScriptStep]) -> None:
        """Whatever happens to the call, what there is of it is judged and kept."""
        task = asyncio.current_task()
        assert task is not None
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        self.show("asking the gateway for a room")
        recorded = self.record is not None
        access = await request_access(self.gateway_url, voice=self.voice, record=recorded)
        async with join(access) as client:
            await client.wait_for_agent()
            began_s = client.clock()
            call = ScriptedCall(client, self.show)
            try:
                await call.perform(steps)
                until_s = client.clock() + AFTERMATH_S
                await client.reached(lambda: client.clock() >= until_s, timeout_s=10)
            except CallError as error:
                self._note(error=str(error))
            if client.model_fault is not None:
                self._note(error=f"{client.model_fault} ./run doctor says more")
            ended_s = client.clock()
        recording = CallRecording.of(client, began_s, ended_s)
        self._judge(client, call, recording, began_s)
        self._keep(client, recording)
        if self.record is not None:
            write_turn_recording(client, self.record)
        await self._listen_again(recording)

    def _judge(
        self, client: RoomClient, call: ScriptedCall, recording: CallRecording, began_s: float
    ) -> None:
        floor = FloorLog.of(client.events, unix_offset_s=recording.unix_offset_s)
        steps = report_steps(call.spoken, recording, floor)
        said = client.transcripts.said_by
        self._note(
            steps=steps,
            false_yields=sum(step.false_yield is True for step in steps),
            missed_yields=sum(step.missed_yield is True for step in steps),
            unanswered=sum(step.kind == "say" and step.response_ms is None for step in steps),
            user_transcript=said(client.access.identity, since_s=began_s),
            agent_transcript=said(client.agent_identity, since_s=began_s),
        )

    def _keep(self, client: RoomClient, recording: CallRecording) -> None:
        if self.keep is None:
            return
        file = self.keep / "call.flac"
        events = [
            {
                "heard_at_s": round(heard.at_s - recording.start_s, 4),
                "event": heard.event.model_dump(),
            }
            for heard in client.events
        ]
        timing = {
            "sample_rate_hz": SAMPLE_RATE_HZ,
            "left": "the caller's microphone, as spoken",
            "right": "the caller's ear, as heard",
            "unix_s_of_sample_0": recording.start_s + recording.unix_offset_s,
            "events": events,
        }
        try:
            recording.write(file)
            (self.keep / "call.json").write_text(json.dumps(timing, indent=1), encoding="utf-8")
        except OSError as error:
            raise CallError(f"--keep {self.keep}: {error.strerror}") from None
        self._note(recording=str(file))

    async def _listen_again(self, recording: CallRecording) -> None:
        """Recognizes each stretch of the agent's speech, where recognition can be asked."""
        heard: list[str] = []
        sounds = measure.sounds(
            recording.heard, SAMPLE_RATE_HZ, measure.AUDIBLE_DBFS, gap_s=REPLY_GAP_S
        )
        margin = round(0.1 * SAMPLE_RATE_HZ)
        async with self.recognizers as pool:
            for sound in sounds:
                self.show("recognizing what was heard")
                part = recording.heard[max(sound.start - margin, 0) : sound.end + margin]
                try:
                    audio = Audio(part, SAMPLE_RATE_HZ)
                    heard.append(await recognize(audio, pool, language=self.language))
                except SpeechError as error:
                    self.show(f"what was heard is not recognized: {error}")
                    return
        text = " ".join(heard)
        self._note(agent_asr=text, words=word_errors(self.report.agent_transcript, text))

    def _make_folder(self) -> None:
        if self.keep is None:
            return
        try:
            self.keep.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(f"--keep {self.keep}: {error.strerror}") from None

    def _note(self, **found: object) -> None:
        self.report = self.report.model_copy(update=found)


def print_report(report: ScriptReport) -> None:
    console = Console(highlight=False)
    for step in report.steps:
        console.print(f"step {step.step}  {step.kind} {step.clip}  at {step.at_s:.2f} s")
        if step.response_ms is not None:
            console.print(f"  response    {step.response_ms:.0f} ms")
        if step.interruption is not None:
            figures = step.interruption
            shown = ", ".join(
                f"{name} {figures[key]:.0f}"
                for key, name in (
                    ("onset_to_duck_told_ms", "duck"),
                    ("onset_to_decision_ms", "decision"),
                    ("onset_to_silence_ms", "silence"),
                    ("talk_over_ms", "talk-over"),
                )
                if figures[key] is not None
            )
            console.print(f"  {figures['outcome']:<10}  ms from the onset: {shown}")
        if step.false_yield:
            console.print("  FALSE YIELD: the agent gave way to it")
        if step.missed_yield:
            console.print("  MISSED: the agent talked on")
    console.print(f"understood  {report.user_transcript or '(nothing)'}", markup=False)
    console.print(f"said        {report.agent_transcript or '(nothing)'}", markup=False)
    if report.words is not None:
        words = report.words
        console.print(f"heard as    {report.agent_asr or '(nothing)'}", markup=False)
        console.print(
            f"words       {words.said}: {words.lost} lost, {words.repeated} too many, "
            f"{words.wrong} heard otherwise"
        )
    if report.recording is not None:
        console.print(f"recording   {report.recording}", markup=False)
    if report.error is not None:
        sys.stderr.write(f"parley: {report.error}\n")

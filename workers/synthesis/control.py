"""Pausing, resuming and stopping utterances from outside their call."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import grpc

from workers.serving.errors import RequestError, deadline_exceeded

LONGEST_PAUSE_S = 60.0


class SpeechControl:
    """The switch of one running utterance; the task that creates it is the one that speaks."""

    def __init__(self, *, session_id: str, utterance_id: str) -> None:
        self.session_id = session_id
        self.utterance_id = utterance_id
        self.voice = ""
        self.stopped = False
        self._may_go_on = asyncio.Event()
        self._may_go_on.set()
        self._task = asyncio.current_task()

    def pause(self) -> None:
        self._may_go_on.clear()

    def resume(self) -> None:
        self._may_go_on.set()

    def stop(self) -> None:
        """Cancels the utterance; `ended_by_stop` tells it from a client that went away."""
        if not self.stopped and self._task is not None:
            self.stopped = True
            self._task.cancel()

    async def going_on(self) -> None:
        """Waits while paused; raises DEADLINE_EXCEEDED after a minute of it."""
        if self._may_go_on.is_set():
            return
        try:
            async with asyncio.timeout(LONGEST_PAUSE_S):
                await self._may_go_on.wait()
        except TimeoutError:
            raise deadline_exceeded(
                f"paused for more than {LONGEST_PAUSE_S:.0f} s", reason="PAUSED_TOO_LONG"
            ) from None

    @contextmanager
    def ended_by_stop(self) -> Iterator[None]:
        """Turns the cancellation that `stop` causes into the status CANCELLED."""
        try:
            yield
        except asyncio.CancelledError:
            if not self.stopped or self._task is None:
                raise
            self._task.uncancel()
            raise RequestError(
                grpc.StatusCode.CANCELLED, "the utterance was stopped by ControlSpeech"
            ) from None


class RunningSpeech:
    """The controls of all utterances that run."""

    def __init__(self) -> None:
        self._controls: list[SpeechControl] = []

    @contextmanager
    def joined(self, control: SpeechControl) -> Iterator[None]:
        self._controls.append(control)
        try:
            yield
        finally:
            self._controls.remove(control)

    def of(self, session_id: str, utterance_id: str) -> list[SpeechControl]:
        """The session's utterances, or the one of that id (empty: all)."""
        return [
            control
            for control in self._controls
            if control.session_id == session_id and utterance_id in ("", control.utterance_id)
        ]

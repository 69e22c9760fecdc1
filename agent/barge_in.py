"""Barge-in: what the microphone brings while the agent speaks, turned into silence or not.

Every frame of the microphone passes here first. Voice activity is judged on windows of 32 ms in
this process, the floor by `turn_taking`, and what it decides is done to the playout at once: the
person hears it one transport later.
"""

from collections.abc import Callable

import numpy as np
from livekit import rtc
from livekit.local_inference import VAD, VAD_WINDOW_SAMPLES

from agent.echo import EchoGuard, repeats
from agent.playout import Playout
from agent.turn_taking import Decision, Floor, FloorPolicy, TurnTaking
from parley.audio import Samples, level_dbfs
from parley.clock import Clock, monotonic
from parley.telemetry import metrics

SAMPLE_RATE_HZ = 16000
WINDOW_S = VAD_WINDOW_SAMPLES / SAMPLE_RATE_HZ


class BargeIn:
    """One call's barge-in. `hear` and `understand` are called in the order things happen."""

    def __init__(
        self,
        playout: Playout,
        *,
        policy: FloorPolicy,
        on_yield: Callable[[], None],
        on_floor: Callable[[Floor], None] = lambda floor: None,
        clock: Clock = monotonic,
    ) -> None:
        """`on_yield` cuts the reply for good; the playout is silent by then.

        `on_floor` is told whenever the floor changes.
        """
        self._playout = playout
        self._on_yield = on_yield
        self._on_floor = on_floor
        self._clock = clock
        self._vad = VAD()
        self._echo = EchoGuard()
        self._window = np.empty(0, np.int16)
        self._suspects_db: list[float] = []
        """Levels of the voiced windows that are being judged."""
        self.turns = TurnTaking(policy)
        playout.on("playback_started", lambda _: self._agent_speaks())
        playout.on("playback_finished", lambda _: self._agent_stops())

    def hear(self, frame: rtc.AudioFrame) -> None:
        """Takes a frame of the microphone: 16 kHz mono, any length."""
        samples = np.frombuffer(frame.data, dtype=np.int16)
        self._window = np.concatenate([self._window, samples])
        while len(self._window) >= VAD_WINDOW_SAMPLES:
            window = self._window[:VAD_WINDOW_SAMPLES]
            self._window = self._window[VAD_WINDOW_SAMPLES:]
            self._judge(window)

    def understand(self, text: str) -> None:
        """Takes what recognition has made so far of the speech that is going on."""
        heard = self._playout.heard_text
        if text and self.turns.contested and repeats(text, heard):
            for level_db in self._suspects_db:
                self._echo.was_echo(level_db)
            self._act(self.turns.dismiss())
            return
        self.turns.agent_asked(asked=heard.rstrip().endswith("?"))
        self._act(self.turns.transcript(text, at_s=self._clock()))

    def _judge(self, window: Samples) -> None:
        level_db = level_dbfs(window)
        probability = self._vad.predict(window)
        self._echo.played(self._playout.level_dbfs)
        if self._echo.explains(level_db):
            probability = 0.0
        decision = self.turns.window(
            at_s=self._clock(), duration_s=WINDOW_S, probability=probability, level_db=level_db
        )
        if self.turns.contested and probability >= self.turns.policy.voiced_probability:
            self._suspects_db.append(level_db)
        self._act(decision)

    def _act(self, decision: Decision | None) -> None:
        if decision is None:
            return
        match decision:
            case Decision.DUCK:
                self._playout.duck()
            case Decision.HOLD:
                self._playout.pause()
            case Decision.RETURN:
                self._suspects_db.clear()
                self._playout.unduck()
                self._playout.resume()
            case Decision.YIELD:
                self._suspects_db.clear()
                self._yield()
        self._on_floor(self.turns.floor)

    def _yield(self) -> None:
        decided_s = self._clock()
        self._playout.pause()
        to_silence_s = self._clock() - decided_s
        if self.turns.onset_s is not None:
            to_decision_s = decided_s - self.turns.onset_s
            metrics.barge_in_latency_seconds.labels("onset_to_decision").observe(to_decision_s)
        metrics.barge_in_latency_seconds.labels("decision_to_silence").observe(to_silence_s)
        self._on_yield()

    def _agent_speaks(self) -> None:
        self.turns.agent_speaks(at_s=self._clock())
        self._on_floor(self.turns.floor)

    def _agent_stops(self) -> None:
        self.turns.agent_stops(at_s=self._clock())
        self._on_floor(self.turns.floor)

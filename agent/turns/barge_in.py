"""Barge-in: what the microphone brings while the agent speaks, turned into silence or not.

Every frame of the microphone passes here first. Voice activity is judged on windows of 32 ms in
this process, the floor by `turn_taking`, and what it decides is done to the playout at once: the
person hears it one transport later.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from livekit import rtc
from livekit.local_inference import VAD, VAD_WINDOW_SAMPLES

from agent.turns.echo import LONGEST_DELAY_S, EchoGuard, repeats
from agent.turns.floor import Decision, Floor, FloorPolicy, TurnTaking
from agent.turns.word_policy import WordPolicy
from parley.app.turn_policy import Meaning, Overlap, TurnPolicy
from parley.audio import Samples, level_dbfs
from parley.clock import Clock, monotonic

SAMPLE_RATE_HZ = 16000
WINDOW_S = VAD_WINDOW_SAMPLES / SAMPLE_RATE_HZ


class Voice(Protocol):
    """The agent's own voice, as `Playout` has it."""

    @property
    def level_dbfs(self) -> float: ...

    @property
    def heard_text(self) -> str: ...

    def duck(self) -> None: ...

    def unduck(self) -> None: ...

    def pause(self) -> None: ...

    def resume(self) -> None: ...


@dataclass(frozen=True)
class Cut:
    """An interruption that was decided; times are seconds of the barge-in's clock."""

    onset_s: float | None
    """When the speech began; None where only its words were noticed."""
    silenced_s: float
    """When it was decided that the agent falls silent."""


class BargeIn:
    """One call's barge-in. Everything is called in the order things happen."""

    def __init__(
        self,
        voice: Voice,
        *,
        policy: FloorPolicy,
        on_yield: Callable[[Cut], None],
        on_floor: Callable[[Floor], None] = lambda floor: None,
        words: TurnPolicy | None = None,
        clock: Clock = monotonic,
    ) -> None:
        """`on_yield` cuts the reply for good; the voice is silent by then.

        `on_floor` is told whenever the floor changes. `words`: what speech over the agent's voice
        means; None: the default.
        """
        self._voice = voice
        self._on_yield = on_yield
        self._on_floor = on_floor
        self._clock = clock
        self._vad = VAD()
        self._echo = EchoGuard()
        self._window = np.empty(0, np.int16)
        self._suspects_db: list[float] = []
        """Of the voiced windows that are being judged: how much of what was played they are."""
        self._decided_s = clock()
        self._silenced_s = 0.0
        self._last_voiced_s = 0.0
        self._told = Floor.QUIET
        self._last_spoke_s = clock()
        self.turns = TurnTaking(policy, words=words or WordPolicy())

    @property
    def decided_s(self) -> float:
        """When the floor became what it is, on the clock: before anything was done about it."""
        return self._decided_s

    @property
    def last_spoke_s(self) -> float:
        """When a voice was last heard that is not the agent's, on the clock."""
        return self._last_spoke_s

    @property
    def is_contested(self) -> bool:
        """Whether speech over the agent's reply is being judged."""
        return self.turns.contested

    # --- what the agent does

    def agent_thinks(self) -> None:
        """A reply is being made."""
        self._decided_s = self._clock()
        self.turns.agent_thinks()
        self._tell()

    def agent_speaks(self) -> None:
        """The first audio of a reply is about to sound."""
        self._act(self.turns.agent_speaks(at_s=self._clock()))

    def agent_stops(self) -> None:
        """The reply has sounded to its end, was cut, or will not come."""
        self._decided_s = self._clock()
        if self.turns.contested:
            self._go_on()
        self.turns.agent_stops()
        self._tell()

    # --- what is heard

    def push_audio(self, frame: rtc.AudioFrame) -> None:
        """Takes a frame of the microphone: 16 kHz mono, any length."""
        samples = np.frombuffer(frame.data, dtype=np.int16)
        self._window = np.concatenate([self._window, samples])
        while len(self._window) >= VAD_WINDOW_SAMPLES:
            window = self._window[:VAD_WINDOW_SAMPLES]
            self._window = self._window[VAD_WINDOW_SAMPLES:]
            self._judge(window)

    def push_transcript(self, text: str, *, confidence: float = 1.0) -> bool:
        """Takes what recognition has made so far of the speech that is going on.

        Whether it is the person's turn, or the beginning of one: what they murmur while the agent
        keeps the floor is not, nor is the agent's own voice come back.
        """
        heard = self._voice.heard_text
        if text and self.turns.agent_has_floor and repeats(text, heard):
            for returned_db in self._suspects_db:
                self._echo.was_echo(returned_db)
            self._suspects_db.clear()
            self._act(self.turns.dismiss())
            return False
        if self.turns.words.meaning(Overlap(text)) is not Meaning.NOTHING:
            self._suspects_db.clear()  # words of somebody's, not a sound
        self.turns.agent_asked(asked=heard.rstrip().endswith("?"))
        decision = self.turns.transcript(text, confidence=confidence, at_s=self._clock())
        self._act(decision)
        return self.turns.takes_turn(text, confidence=confidence)

    def time_passes(self) -> None:
        """Judges what is contested though the microphone brings nothing any more."""
        self._act(self.turns.passes(at_s=self._clock()))

    def _judge(self, window: Samples) -> None:
        level_db = level_dbfs(window)
        probability = self._vad.predict(window)
        if self._echo.hears(level_db, played_db=self._voice.level_dbfs):
            probability = 0.0
        decision = self.turns.window(
            at_s=self._clock(), duration_s=WINDOW_S, probability=probability, level_db=level_db
        )
        is_voiced = probability >= self.turns.policy.voiced_probability
        if is_voiced:
            self._last_spoke_s = self._clock()
        if self.turns.contested and is_voiced:
            self._suspects_db.append(self._echo.returned_db(level_db))
            self._last_voiced_s = self._clock()
        self._act(decision)

    # --- what is done about it

    def _act(self, decision: Decision | None) -> None:
        self._decided_s = self._clock()
        match decision:
            case Decision.DUCK:
                self._voice.duck()
            case Decision.HOLD:
                self._fall_silent()
            case Decision.RETURN:
                self._suspect_echo()
                self._go_on()
            case Decision.YIELD:
                if self._told is not Floor.HELD:
                    self._fall_silent()
                self._suspects_db.clear()
                self._echo.somebody_spoke()
        self._tell()
        if decision is Decision.YIELD:
            self._on_yield(Cut(self.turns.onset_s, self._silenced_s))

    def _fall_silent(self) -> None:
        self._silenced_s = self._decided_s
        self._voice.pause()

    def _suspect_echo(self) -> None:
        """What was judged may have been the agent itself, if it went when the agent fell silent."""
        lasted_s = self._last_voiced_s - self._silenced_s
        if self._told is Floor.HELD and self._suspects_db and lasted_s <= LONGEST_DELAY_S:
            self._echo.went_with_the_voice(max(self._suspects_db))

    def _go_on(self) -> None:
        self._suspects_db.clear()
        self._voice.unduck()
        self._voice.resume()

    def _tell(self) -> None:
        if self.turns.floor is not self._told:
            self._told = self.turns.floor
            self._on_floor(self._told)

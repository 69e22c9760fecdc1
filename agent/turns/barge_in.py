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

from agent.turns.cut_offs import CutOffs
from agent.turns.echo import EchoGuard
from agent.turns.floor import Decision, Floor, FloorPolicy, TurnTaking
from agent.turns.overlap_sound import WindowSound
from agent.turns.played_windows import PlayedWindows
from agent.turns.repeated_words import repeats
from agent.turns.word_policy import WordPolicy
from parley.app.turn_policy import TurnPolicy
from parley.audio import Samples, level_dbfs
from parley.clock import Clock, monotonic

SAMPLE_RATE_HZ = 16000
WINDOW_S = VAD_WINDOW_SAMPLES / SAMPLE_RATE_HZ
ECHO_WORDS_S = 8.0
"""Words that come so long after an echo may be of it."""
PERSON_S = 0.15
"""So much voice that is not the agent's, and words may be somebody's."""
DOUBTFUL_PERSON_S = 0.6
"""Up to so much of it they are the agent's all the same, where they repeat what it said."""
UNHEARD_ECHO_WORDS = 4
"""So many words in common are the agent's own though no echo was heard: people answer with two
or three of the agent's words."""
SPOKE_OVER_S = 0.3
"""For so long after a person's voice they speak on: nothing is kept from recognition."""
UNNOTICED_ECHO_S = 0.5
"""For so long an echo may pass for a person until it is found, where it is first heard or comes at
another time than before."""
_OWNER = "floor"
"""Under which name the voice is held."""


class Voice(Protocol):
    """The agent's own voice, as `Playout` has it."""

    @property
    def heard_text(self) -> str: ...

    @property
    def said_lately(self) -> str: ...

    def take_sounded(self) -> Samples: ...

    def duck(self) -> None: ...

    def unduck(self) -> None: ...

    def hold(self, by: str) -> None: ...

    def release(self, by: str) -> None: ...


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
        answer_is_awaited: Callable[[], bool] = lambda: False,
        clock: Clock = monotonic,
    ) -> None:
        """`on_yield` cuts the reply for good; the voice is silent by then.

        `on_floor` is told whenever the floor changes. `words`: what speech over the agent's voice
        means; None: the default. `answer_is_awaited`: whether the person waits for an answer, of
        which nothing sounds now.
        """
        self._voice = voice
        self._on_yield = on_yield
        self._on_floor = on_floor
        self._answer_is_awaited = answer_is_awaited
        self._clock = clock
        self._vad = VAD()
        self._echo = EchoGuard()
        self._window = np.empty(0, np.int16)
        self._played = PlayedWindows()
        self._echo_s = float("-inf")
        """When an echo was last heard."""
        self._is_echo = False
        """Whether the last window was one."""
        self._person_at: list[float] = []
        """When voice was heard that is not the agent's, since it began to speak: each a window."""
        self._open_until_s = float("-inf")
        """Until then recognition hears all that the microphone brings."""
        self.on_window: Callable[[float], None] = lambda probability: None
        """Told of each window how likely a voice is in it that is not the agent's."""
        self._decided_s = clock()
        self._silenced_s = 0.0
        self._told = Floor.QUIET
        self._last_spoke_s = clock()
        self._has_spoken = False
        self._paused_s: float | None = None
        """When the latest pause began that they have ended; None: there was none."""
        self.turns = TurnTaking(policy, words=words or WordPolicy())
        self.cut_offs = CutOffs()

    def judge_by(self, policy: FloorPolicy, words: TurnPolicy) -> None:
        """From now on: another agent has taken over."""
        self.turns.policy, self.turns.words = policy, words

    @property
    def decided_s(self) -> float:
        """When the floor became what it is, on the clock: before anything was done about it."""
        return self._decided_s

    @property
    def last_spoke_s(self) -> float:
        """When a voice was last heard that is not the agent's, on the clock."""
        return self._last_spoke_s

    @property
    def agent_has_floor(self) -> bool:
        """Whether a reply is under way that has not been given up."""
        return self.turns.agent_has_floor

    @property
    def asked(self) -> bool:
        """Whether the agent's last words were a question."""
        return self._voice.said_lately.rstrip().endswith("?")

    @property
    def is_contested(self) -> bool:
        """Whether speech over the agent's reply is being judged."""
        return self.turns.contested

    def speaks_again(self) -> Callable[[], bool]:
        """Tells from now on whether the person has begun to speak anew."""
        since_s = self._clock()
        return lambda: self.turns.goes_on(at_s=self._clock(), since_s=since_s)

    # --- what the agent does

    def agent_thinks(self) -> None:
        """A reply is being made."""
        self._decided_s = self._clock()
        self.turns.agent_thinks()
        self._tell()

    def agent_speaks(self) -> None:
        """The first audio of a reply is about to sound."""
        if self._clock() - self._last_spoke_s > SPOKE_OVER_S:
            self._person_at.clear()
        self.cut_offs.reply_sounds(at_s=self._clock(), spoke_s=self._last_paused_s())
        self._act(self.turns.agent_speaks(at_s=self._clock()))

    def agent_stops(self) -> None:
        """The reply has sounded to its end, was cut, or will not come."""
        self._decided_s = self._clock()
        if self.turns.contested:
            self._go_on()
        self._voice.release(_OWNER)
        self.turns.agent_stops()
        self.cut_offs.reply_ends()
        self._tell()

    # --- what is heard

    def push_audio(self, frame: rtc.AudioFrame) -> rtc.AudioFrame:
        """Takes a frame of the microphone, 16 kHz mono, any length; what is to be recognized of it:
        silence where it is the agent's own voice come back."""
        self._played.push(self._voice.take_sounded())
        samples = np.frombuffer(frame.data, dtype=np.int16)
        self._window = np.concatenate([self._window, samples])
        while len(self._window) >= VAD_WINDOW_SAMPLES:
            window = self._window[:VAD_WINDOW_SAMPLES]
            self._window = self._window[VAD_WINDOW_SAMPLES:]
            self._judge(window)
        return _silent(frame) if self._is_echo and self._clock() >= self._open_until_s else frame

    def push_transcript(self, text: str, *, confidence: float = 1.0, final: bool = False) -> bool:
        """Takes what recognition has made so far of the speech that is going on; `final`: it will
        not change any more.

        Whether it is the person's turn, or the beginning of one: what they murmur while the agent
        keeps the floor is not, nor is the agent's own voice come back.
        """
        if text and self._are_own(text):
            self._act(self.turns.dismiss())
            return False
        self.turns.agent_asked(asked=self._voice.heard_text.rstrip().endswith("?"))
        decision = self.turns.transcript(
            text, confidence=confidence, at_s=self._clock(), final=final
        )
        self._act(decision)
        return self.turns.takes_turn(text, confidence=confidence)

    def asks_presence(self, text: str, *, confidence: float = 1.0) -> bool:
        """Whether a transcript that will not change any more only asks into the wait for an answer
        whether anybody is there. To be asked after `push_transcript`."""
        return self.turns.asks_presence(text, confidence=confidence)

    def time_passes(self) -> None:
        """Judges what is contested though the microphone brings nothing any more."""
        self._act(self.turns.passes(at_s=self._clock()))

    def _judge(self, window: Samples) -> None:
        level_db = level_dbfs(window)
        probability = self._vad.predict(window)
        may_be_speech = probability >= self.turns.policy.faint_probability
        played = self._played.take(VAD_WINDOW_SAMPLES)
        self._is_echo = self._echo.hears(window, played=played, may_be_speech=may_be_speech)
        if self._is_echo:
            self._echo_s = self._clock()
            probability = 0.0
            if self._echo.found_anew:
                self._take_back_voice()
        self.on_window(probability)
        is_voiced = probability >= self.turns.policy.voiced_probability
        decision = self.turns.window(
            at_s=self._clock(),
            duration_s=WINDOW_S,
            probability=probability,
            level_db=level_db,
            sound=WindowSound.of(window) if is_voiced and self.turns.agent_has_floor else None,
            awaited=is_voiced and self._answer_is_awaited(),
        )
        if is_voiced:
            if self._has_spoken and self._clock() - self._last_spoke_s > self.turns.policy.gap_s:
                self._paused_s = self._last_spoke_s
            self._has_spoken = True
            self._last_spoke_s = self._clock()
            self._person_at.append(self._clock())
            self._open_until_s = self._clock() + SPOKE_OVER_S
        self._act(decision)

    def _last_paused_s(self) -> float | None:
        """When what they said last had come to its end; of somebody who has just gone on, before
        that. None: they have said nothing yet."""
        goes_on = self._clock() - self._last_spoke_s <= self.turns.policy.gap_s
        return self._paused_s if goes_on or not self._has_spoken else self._last_spoke_s

    def _are_own(self, text: str) -> bool:
        """Whether the words are the agent's own come back, by the sound and by what it said."""
        said = self._voice.said_lately
        if self.turns.agent_has_floor and repeats(text, said, shortest=UNHEARD_ECHO_WORDS):
            return True
        if self._clock() - self._echo_s > ECHO_WORDS_S:
            return False
        if self._person_s < PERSON_S:
            return True
        return self._person_s < DOUBTFUL_PERSON_S and repeats(text, said)

    @property
    def _person_s(self) -> float:
        """How much voice was heard that is not the agent's since it began to speak."""
        return len(self._person_at) * WINDOW_S

    def _take_back_voice(self) -> None:
        """What has just been heard was the agent, whose echo was not where it was looked for."""
        since_s = self._clock() - UNNOTICED_ECHO_S
        while self._person_at and self._person_at[-1] > since_s:
            self._person_at.pop()
        self._open_until_s = self._clock()
        self._act(self.turns.dismiss())

    # --- what is done about it

    def _act(self, decision: Decision | None) -> None:
        self._decided_s = self._clock()
        match decision:
            case Decision.DUCK:
                self._voice.duck()
            case Decision.HOLD:
                self._fall_silent()
            case Decision.RETURN:
                self._go_on()
            case Decision.YIELD:
                if self._told is not Floor.HELD:
                    self._fall_silent()
        self._tell()
        if decision is Decision.YIELD:
            self.cut_offs.person_takes_floor(self.turns.onset_s)
            self._on_yield(Cut(self.turns.onset_s, self._silenced_s))
            self._voice.release(_OWNER)  # nothing is left of the reply that was held

    def _fall_silent(self) -> None:
        self._silenced_s = self._decided_s
        self._voice.hold(_OWNER)

    def _go_on(self) -> None:
        self._voice.unduck()
        self._voice.release(_OWNER)

    def _tell(self) -> None:
        if self.turns.floor is not self._told:
            self._told = self.turns.floor
            self._on_floor(self._told)


def _silent(frame: rtc.AudioFrame) -> rtc.AudioFrame:
    nothing = bytes(2 * frame.samples_per_channel * frame.num_channels)
    return rtc.AudioFrame(nothing, frame.sample_rate, frame.num_channels, frame.samples_per_channel)

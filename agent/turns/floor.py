"""Who has the floor: duck at the first sign of speech, hold, then yield or go on.

Pure logic: events with their times go in, decisions come out. Nothing here waits, so the same
events give the same decisions again, on any clock.

    SPEAKING --evidence--> DUCKED --sustained--> HELD --wants the floor--> YIELDED
        ^                    |                     |
        +-----silence--------+---back-channel------+

While the agent THINKS nothing sounds that could be ducked: sustained speech holds the reply back
before its first sound, and a back-channel or silence lets it come.
"""

from dataclasses import dataclass, field
from enum import Enum

from agent.turns.overlap_sound import OverlapSound, WindowSound
from agent.turns.word_policy import WordPolicy
from parley.app.turn_policy import Meaning, Overlap, TurnPolicy

END_TOLD_S = 0.5
"""Silence after which recognition has been asked for the words before it."""


@dataclass(frozen=True, kw_only=True)
class FloorPolicy:
    """When the agent gives way. Shorter times interrupt sooner and are fooled more often."""

    voiced_probability: float = 0.3
    """VAD probability from which a window counts as speech."""
    faint_probability: float = 0.04
    """The same for what may be a breath or a consonant before the voice: it decides nothing by
    itself, but where a voice follows, speech has lasted since then."""
    duck_after_s: float = 0.03
    """Speech after which the agent turns down: the first window, a false one costs nothing."""
    hold_after_s: float = 0.06
    """Speech after which the agent falls silent, keeping its place."""
    thinking_hold_after_s: float = 0.2
    """The same while it thinks: what is held back is not heard to stop, so there is time."""
    yield_after_s: float = 2.0
    """Speech after which the floor is the person's whatever its words are. Words that want it take
    it sooner; a laugh, or "right, right, okay", lasts longer than a second, and while the agent is
    silent nobody hears that it waits."""
    awaiting_yield_after_s: float = 3.0
    """The same where an answer is awaited and nothing of it sounds: what is held back is not heard
    to stop, so its words may decide, and a "Hello, can you hear me?" does not end the answer."""
    awaiting_long_s: float = 0.9
    """Such speech into that wait is no noise: its words are waited for for longer."""
    gap_s: float = 0.15
    """Silence within speech that does not end it."""
    settle_s: float = 0.25
    """Silence after which the speech over the agent is over and is judged."""
    verdict_s: float = 0.9
    """Time after the speech's end in which its words may still come; then the agent goes on."""
    late_verdict_s: float = 4.0
    """Words that come later than that, but within this time of the speech, still take the floor."""
    near_db: float = 14.0
    """Speech this far below the person's own level is somebody else's, farther away."""


class Floor(Enum):
    QUIET = "quiet"
    """The agent has nothing to say: the floor is anyone's."""
    THINKING = "thinking"
    """A reply is being made, and nothing of it has sounded."""
    SPEAKING = "speaking"
    DUCKED = "ducked"
    HELD = "held"
    YIELDED = "yielded"
    """The person has the floor; the reply is cut."""


class Decision(Enum):
    DUCK = "duck"
    HOLD = "hold"
    YIELD = "yield"
    RETURN = "return"
    """Go on where the reply was, at full level."""


@dataclass
class TurnTaking:
    """One call's floor. All times are seconds of one clock that never runs backwards."""

    policy: FloorPolicy = FloorPolicy()
    words: TurnPolicy = field(default_factory=WordPolicy)
    """What speech over the agent's voice means, by what recognition makes of it."""
    floor: Floor = Floor.QUIET
    _held_from: Floor = Floor.SPEAKING
    """Where the agent goes on when it may: speaking or thinking."""
    _speech_began_s: float | None = None
    _faint_since_s: float = float("-inf")
    _last_faint_s: float = float("-inf")
    _last_voiced_s: float = float("-inf")
    _last_near_s: float = float("-inf")
    """When the person was last heard over this reply."""
    _sound: OverlapSound = field(default_factory=OverlapSound)
    """Of what was voiced since then."""
    _judged: OverlapSound = field(default_factory=OverlapSound)
    """The latest speech that was let pass: its words may come yet."""
    _spoke_since: bool = True
    """Whether the person has been heard since the reply was there."""
    _person_level_db: float | None = field(default=None)
    _understood_at_s: float = float("-inf")
    """When words came that may judge the speech."""
    _asked: bool = False
    _into_wait: bool = False
    """Whether the latest speech began while an answer was awaited."""
    _undecided: tuple[str, float] | None = None
    """The latest words, and how sure recognition is, where they were too few to decide by."""
    _over_silence: bool = False
    """Whether it began while nothing of the agent's sounded."""
    _was_long: bool = False
    """The speech into the wait that is judged was so long that its words are waited for."""

    @property
    def onset_s(self) -> float | None:
        """When the speech that is being judged began."""
        return self._speech_began_s

    @property
    def contested(self) -> bool:
        """Whether speech over the agent's reply is being judged."""
        return self.floor in (Floor.DUCKED, Floor.HELD)

    @property
    def agent_has_floor(self) -> bool:
        """Whether a reply is under way that has not been given up."""
        return self.floor not in (Floor.QUIET, Floor.YIELDED)

    # --- what the agent does

    def agent_thinks(self) -> None:
        """A reply is being made; what the person says from now on is judged against it."""
        if not self.contested:
            self.floor = Floor.THINKING
            self._last_near_s = float("-inf")
            self._judged = OverlapSound()
            self._forget()

    def agent_speaks(self, *, at_s: float) -> Decision | None:
        """The first audio of a reply is heard; a person who is speaking keeps the floor."""
        self._asked = False
        if self.contested:
            self._held_from = Floor.SPEAKING
            return None
        self.floor = Floor.SPEAKING
        speaks_on = at_s - self._last_voiced_s <= self.policy.gap_s
        if speaks_on and self._voiced_s >= self.policy.hold_after_s:
            self._last_near_s = self._last_voiced_s
            return self._decide(Decision.HOLD)
        self._forget()
        return None

    def agent_asked(self, *, asked: bool) -> None:
        """Whether what has been heard of the reply ends in a question."""
        self._asked = asked

    def agent_stops(self) -> None:
        """The reply has been heard to its end, is cut, or will not come."""
        if self.floor is not Floor.QUIET:  # it is told twice: of the voice, and of the reply
            self._spoke_since = self.floor is Floor.YIELDED
        self.floor = Floor.QUIET
        self._was_long = False
        self._last_near_s = float("-inf")
        self._forget()

    # --- what is heard of the person

    def window(
        self,
        *,
        at_s: float,
        duration_s: float,
        probability: float,
        level_db: float,
        sound: WindowSound | None = None,
        awaited: bool = False,
    ) -> Decision | None:
        """A window of the microphone, ending at `at_s`; its VAD probability, RMS level and, where
        it was looked at, sound. `awaited`: the person waits for an answer, of which nothing
        sounds."""
        if probability >= self.policy.faint_probability:
            if at_s - self._last_faint_s > self.policy.gap_s + duration_s:
                self._faint_since_s = at_s - duration_s
            self._last_faint_s = at_s
        voiced = probability >= self.policy.voiced_probability
        if not self.agent_has_floor:
            self._learn_level(level_db if voiced else None)
        if not (voiced and self._near(level_db)):
            return self.passes(at_s=at_s)
        if at_s - self._last_voiced_s > self.policy.settle_s + duration_s:
            began_s = self._speech_began_s if self.contested else None
            self._forget()
            self._speech_began_s = began_s  # what silenced the agent is still being judged
        if self._speech_began_s is None:
            self._speech_began_s = at_s - duration_s
            self._into_wait = awaited
            self._over_silence = awaited or self.floor is Floor.THINKING
            self._judged = OverlapSound()
        self._sound.push(duration_s, sound)
        self._last_voiced_s = at_s
        if not self.agent_has_floor:
            self._spoke_since = True
            return None
        self._last_near_s = at_s
        return self._on_speech()

    def transcript(self, text: str, *, at_s: float, confidence: float = 1.0) -> Decision | None:
        """What recognition has made so far of the speech that is going on, and how sure it is."""
        self._understood_at_s = at_s if text else float("-inf")
        recent = at_s - self._last_near_s <= self.policy.late_verdict_s
        if not self.agent_has_floor or not recent:
            return None
        wants = self._meaning(text, confidence, goes_on=not self._over(at_s))
        self._undecided = (text, confidence) if wants is Meaning.UNDECIDED else None
        if wants is Meaning.UNDECIDED:
            self._understood_at_s = float("-inf")
            return None
        if wants is Meaning.TURN:
            return self._decide(Decision.YIELD)
        if self.contested and text and self._over(at_s):
            return self._decide(Decision.RETURN)
        return None

    def takes_turn(self, text: str, *, confidence: float = 1.0) -> bool:
        """Whether `text` belongs to a turn of the person's, and not to what they murmured while
        the agent had the floor."""
        if self.agent_has_floor:
            return False
        return self._spoke_since or self._meaning(text, confidence) is Meaning.TURN

    def asks_presence(self, text: str, *, confidence: float = 1.0) -> bool:
        """Whether `text`, which will not change any more, only asks into the wait for an answer
        whether anybody is there."""
        return self.agent_has_floor and self._meaning(text, confidence) is Meaning.PRESENCE

    def goes_on(self, *, at_s: float, since_s: float) -> bool:
        """Whether the person has begun to speak at `since_s` or later and still does, or has just
        paused: recognition has not been told of it yet."""
        began_s = self._speech_began_s
        return (
            began_s is not None
            and began_s >= since_s
            and self._voiced_s >= self.policy.hold_after_s
            and at_s - self._last_voiced_s <= END_TOLD_S
        )

    def dismiss(self) -> Decision | None:
        """The speech that is being judged is not the person's: the agent goes on."""
        return self._decide(Decision.RETURN) if self.contested else None

    def passes(self, *, at_s: float) -> Decision | None:
        """Time has passed without speech."""
        if not self.contested or not self._over(at_s):
            return None
        silence_s = at_s - self._last_voiced_s
        if self._undecided is not None and silence_s >= END_TOLD_S:
            text, confidence = self._undecided  # no more words came
            decision = self.transcript(text, at_s=at_s, confidence=confidence)
            if decision is not None:
                return decision
        understood = self._understood_at_s >= self._last_voiced_s
        if self._was_long and not understood:
            # Its words may say that it only asks whether anybody is there.
            late = silence_s > self.policy.late_verdict_s
            return self._decide(Decision.YIELD) if late else None
        judged = understood or silence_s > self.policy.verdict_s
        if self.floor is Floor.DUCKED or judged:
            return self._decide(Decision.RETURN)
        return None

    # --- deciding

    def _meaning(self, text: str, confidence: float, *, goes_on: bool = False) -> Meaning:
        sound = self._sound if self._voiced_s else self._judged
        return self.words.meaning(
            Overlap(
                text=text,
                confidence=confidence,
                voiced_s=sound.voiced_s,
                hum=sound.hum,
                answers_question=self._asked,
                awaits_answer=self._into_wait,
                over_silence=self._over_silence,
                goes_on=goes_on,
            )
        )

    @property
    def _voiced_s(self) -> float:
        return self._sound.voiced_s

    def _on_speech(self) -> Decision | None:
        policy = self.policy
        if self.floor is Floor.HELD:
            needed_s = policy.yield_after_s
            if self._into_wait:
                self._was_long |= self._voiced_s >= policy.awaiting_long_s
                needed_s = policy.awaiting_yield_after_s
            if self._voiced_s >= needed_s:
                return self._decide(Decision.YIELD)
        if self.floor is not Floor.HELD and self._holds():
            return self._decide(Decision.HOLD)
        if self._voiced_s >= policy.duck_after_s and self.floor is Floor.SPEAKING:
            return self._decide(Decision.DUCK)
        return None

    def _holds(self) -> bool:
        """Whether the speech that goes on has lasted long enough to be held for."""
        if self.floor is Floor.THINKING:
            return self._voiced_s >= self.policy.thinking_hold_after_s
        return self._last_voiced_s - self._faint_since_s >= self.policy.hold_after_s

    def _decide(self, decision: Decision) -> Decision:
        if self.floor in (Floor.SPEAKING, Floor.THINKING):
            self._held_from = self.floor
        self.floor = {
            Decision.DUCK: Floor.DUCKED,
            Decision.HOLD: Floor.HELD,
            Decision.YIELD: Floor.YIELDED,
            Decision.RETURN: self._held_from,
        }[decision]
        if decision in (Decision.RETURN, Decision.YIELD):
            self._was_long = False
        if decision is Decision.RETURN:
            self._judged = self._sound if self._voiced_s else self._judged
            self._forget()
        return decision

    def _over(self, at_s: float) -> bool:
        return at_s - self._last_voiced_s >= self.policy.settle_s

    def _forget(self) -> None:
        self._speech_began_s = None
        self._last_voiced_s = float("-inf")
        self._sound = OverlapSound()
        self._undecided = None
        self._understood_at_s = float("-inf")

    def _near(self, level_db: float) -> bool:
        return self._person_level_db is None or (
            level_db > self._person_level_db - self.policy.near_db
        )

    def _learn_level(self, level_db: float | None) -> None:
        """Follows the level of the person's own speech while the agent is quiet."""
        if level_db is None:
            return
        known = self._person_level_db
        self._person_level_db = level_db if known is None else known + 0.02 * (level_db - known)

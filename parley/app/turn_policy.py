"""Who gets the floor: what an agent may decide otherwise than the settings do."""

from dataclasses import dataclass
from enum import Enum
from typing import Protocol


class Meaning(Enum):
    """What speech over the agent's voice wants."""

    NOTHING = "nothing"
    """No speech in it: a noise, or text that recognition makes of one."""
    BACKCHANNEL = "backchannel"
    """The listener listens; the speaker should go on."""
    TURN = "turn"
    """The person wants the floor."""
    PRESENCE = "presence"
    """They wait for an answer and ask whether anybody is there: the agent says so, and goes on."""
    UNDECIDED = "undecided"
    """What goes on may yet become one of these: the next words decide."""


@dataclass(frozen=True)
class Overlap:
    """What recognition has made so far of speech over the agent's voice."""

    text: str
    """As recognized so far."""
    confidence: float = 1.0
    """Recognition's mean probability of a token, 0 to 1."""
    voiced_s: float = 0.0
    """How much of the speech was voiced, in seconds."""
    hum: float = 0.5
    """How likely it is a hum ("mm-hm", "uh-huh") by its sound, 0 to 1; 0.5: not known."""
    answers_question: bool = False
    """The agent has just asked something."""
    awaits_answer: bool = False
    """It began while an answer was awaited, and nothing or only a filler had sounded."""
    over_silence: bool = False
    """It began while nothing of the agent's sounded: who goes on with their turn murmurs not."""
    goes_on: bool = False
    """It has not ended: more words may come."""


class TurnPolicy(Protocol):
    """Decides what speech over the agent's voice means."""

    def meaning(self, overlap: Overlap) -> Meaning:
        """Asked at every new transcript of the same speech; the latest answer counts. It runs in
        the audio's own loop: it must not wait for anything."""
        ...


@dataclass(frozen=True, kw_only=True)
class TurnThresholds:
    """What differs from the `turn` section of the settings for one agent; None: as there.

    Seconds but for `near_db`; docs/turn-taking.md says what lower and higher values do.
    """

    endpointing_min_delay_s: float | None = None
    """Silence that ends a turn which sounds finished."""
    endpointing_max_delay_s: float | None = None
    """Longest silence before any other turn ends."""
    duck_after_s: float | None = None
    """Speech over the agent's voice that turns it down."""
    hold_after_s: float | None = None
    """Speech that silences it until it is judged."""
    thinking_hold_after_s: float | None = None
    """Speech that holds back an answer that has not begun to sound."""
    yield_after_s: float | None = None
    """Speech that takes the floor whatever its words are."""
    verdict_s: float | None = None
    """Silence after it after which the agent goes on where nothing was understood."""
    near_db: float | None = None
    """Speech that is so much quieter than the person's own is somebody else's."""

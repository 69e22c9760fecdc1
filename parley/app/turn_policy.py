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


@dataclass(frozen=True)
class Overlap:
    """What recognition has made so far of speech over the agent's voice."""

    text: str
    confidence: float = 1.0
    """Recognition's mean probability of a token, 0 to 1."""
    voiced_s: float = 0.0
    """How much of the speech was voiced, in seconds."""
    answers_question: bool = False
    """The agent has just asked something."""


class TurnPolicy(Protocol):
    """Decides what speech over the agent's voice means; asked at every new transcript."""

    def meaning(self, overlap: Overlap) -> Meaning: ...


@dataclass(frozen=True, kw_only=True)
class TurnThresholds:
    """What differs from the `turn` section of the settings for one agent; None: as there.

    Seconds, as docs/settings.md explains them.
    """

    endpointing_min_delay_s: float | None = None
    endpointing_max_delay_s: float | None = None
    duck_after_s: float | None = None
    hold_after_s: float | None = None
    thinking_hold_after_s: float | None = None
    yield_after_s: float | None = None
    verdict_s: float | None = None
    near_db: float | None = None

"""Which of the local language models this machine serves: the larger one where there is room.

The larger model is right far more often, and slower (docs/mind.md has the figures). It takes
1.4 GB, and the rest of Parley with four calls 1.6 GB; on two cores, which it shares with
recognition and voices, four callers wait for it for seconds.
"""

import functools
from dataclasses import dataclass

import psutil

from parley import models
from parley.control_group import memory_left, usable_cores
from parley.settings import OrchestratorSettings
from parley.settings.orchestrator import LARGE_LLM, SMALL_LLM

LARGE_NEEDS_BYTES = 4_000_000_000
LARGE_NEEDS_CORES = 4
REPACKED_NEEDS_BYTES = 5_000_000_000
"""With its weights arranged for the processor as well: 0.6 GB more, and sooner by a third."""


@dataclass(frozen=True)
class Room:
    """What this process may still take of its machine."""

    memory_bytes: int
    cores: int

    @classmethod
    def here(cls) -> "Room":
        memory = min(psutil.virtual_memory().available, memory_left())
        return cls(int(memory), usable_cores())

    @property
    def is_enough(self) -> bool:
        """For the larger model."""
        return self.memory_bytes >= LARGE_NEEDS_BYTES and self.cores >= LARGE_NEEDS_CORES

    def is_repacked(self, model: str) -> bool:
        """Whether the model's weights are to be arranged for the processor in memory. Of the larger
        model this is a second copy, where there is room for one."""
        return model == SMALL_LLM or self.memory_bytes >= REPACKED_NEEDS_BYTES

    def __str__(self) -> str:
        cores = "1 core" if self.cores == 1 else f"{self.cores} cores"
        return f"{self.memory_bytes / 1e9:.1f} GB of free memory, {cores}"


@dataclass(frozen=True)
class LlmChoice:
    """`model` is served from the first; `successor`, if any, from when it is here and no call is
    in progress. `why` is for people."""

    model: str
    successor: str = ""
    why: str = ""

    def __str__(self) -> str:
        now = f"language model: {self.model} ({self.why})"
        if not self.successor:
            return now
        return f"{now}; {self.successor} is fetched meanwhile and takes over between calls"


def choose_llm(settings: OrchestratorSettings, room: Room | None = None) -> LlmChoice:
    """What the settings ask for, or what there is room for; raises ModelError.

    A model that is not here yet keeps nobody waiting: the first calls are the smaller one's, which
    is less than half as long to fetch.
    """
    named = settings.llm.local_model
    if named != "auto":
        return LlmChoice(named, why="llm.local_model")
    room = room or _room_at_start()
    if not room.is_enough:
        needs = f"{LARGE_NEEDS_BYTES / 1e9:.0f} GB and {LARGE_NEEDS_CORES} cores"
        other = f"LLM_LOCAL_MODEL={LARGE_LLM} takes the other, which is right more often"
        return LlmChoice(SMALL_LLM, why=f"{room}; {other} and needs {needs}")
    other = f"LLM_LOCAL_MODEL={SMALL_LLM} takes the other, which is sooner and wrong more often"
    why = f"{room}; {other}"
    if models.cached(LARGE_LLM) is not None:
        return LlmChoice(LARGE_LLM, why=why)
    return LlmChoice(SMALL_LLM, LARGE_LLM, why=why)


@functools.cache
def _room_at_start() -> Room:
    """Asked once: what is started meanwhile would count against itself."""
    return Room.here()

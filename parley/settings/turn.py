"""Settings of turn-taking: the section `turn` of `configs/orchestrator.yaml`."""

from typing import Literal, Self

from pydantic import Field, model_validator

from parley.settings.source import Section


class TurnSection(Section):
    """When the person's turn has ended and when speech interrupts the agent."""

    vad_min_speech_s: float = Field(0.05, ge=0.0, description="speech shorter than this is noise")
    vad_min_silence_s: float = Field(
        0.25, ge=0.0, description="silence after which speech has paused"
    )
    end_of_turn: Literal["judged", "detector"] = Field(
        "detector",
        description="what tells that a turn has ended: judged: its sound, its words and the "
        "silence together; detector: v1-mini and the silence, as the framework has them",
    )
    end_of_turn_probability: float = Field(
        0.6,
        gt=0.0,
        lt=1.0,
        description="judged: how likely a turn must be over to be answered after the shortest "
        "wait; lower: sooner, and into more pauses",
    )
    end_of_turn_min_silence_s: float = Field(
        0.15, ge=0.0, description="judged: wait after a sentence that seems finished"
    )
    endpointing: Literal["dynamic", "fixed"] = Field(
        "dynamic",
        description="detector: dynamic: the shorter wait learns how long the person pauses",
    )
    endpointing_min_delay_s: float = Field(
        0.3, ge=0.0, description="detector: wait after a sentence that seems finished"
    )
    endpointing_max_delay_s: float = Field(
        2.5, ge=0.0, description="longest wait after one that seems unfinished"
    )
    duck_after_s: float = Field(
        0.03, gt=0.0, description="speech over the agent after which it turns down"
    )
    hold_after_s: float = Field(
        0.06, gt=0.0, description="speech over the agent after which it falls silent, to be judged"
    )
    thinking_hold_after_s: float = Field(
        0.2, gt=0.0, description="speech while it thinks after which its answer waits"
    )
    yield_after_s: float = Field(
        2.0, gt=0.0, description="speech after which it gives way whatever was said"
    )
    verdict_s: float = Field(
        0.9, gt=0.0, description="silence after which it goes on when nothing was understood"
    )
    near_db: float = Field(
        14.0, gt=0.0, description="speech so far below the person's own is somebody else's"
    )
    commit_silence_s: float = Field(
        1.2,
        ge=0.0,
        description="silence after which a tool with effects may run: until then the person may "
        "only be pausing",
    )
    preflight_silence_s: float = Field(
        0.06, ge=0.0, description="silence after which an answer is prepared"
    )
    first_flush_words: int = Field(2, ge=1, description="words after which speaking may begin")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.endpointing_min_delay_s > self.endpointing_max_delay_s:
            raise ValueError(
                f"endpointing_min_delay_s ({self.endpointing_min_delay_s:g}) is more than "
                f"endpointing_max_delay_s ({self.endpointing_max_delay_s:g})"
            )
        return self

"""What a store of experiments promises; tests/dialogue/experiments holds every store to it."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from dialogue.experiments.experiment import Experiment, ExperimentStatus
from dialogue.experiments.sequential import Tally


class ExperimentStore(Protocol):
    """Keeps experiments, who was shown what, and who did what it was for. Every call raises
    ExperimentError where the store fails."""

    async def create(self, experiment: Experiment) -> None: ...

    async def load(self, experiment_id: str) -> Experiment | None: ...

    async def list(self) -> Sequence[Experiment]:
        """All of them, oldest first."""
        ...

    async def change(self, experiment: Experiment, *, was: ExperimentStatus) -> bool:
        """Replaces it where it is still in that state; whether it was."""
        ...

    async def expose(self, experiment_id: str, user_id: str, variant: str) -> None:
        """The user was shown the variant; once for each user, the first time counts."""
        ...

    async def convert(self, experiment_id: str, user_id: str, value: float) -> bool:
        """The user did what it is for; whether it counts: only of who was shown a variant, and
        once."""
        ...

    async def tallies(self, experiment_id: str) -> Mapping[str, Tally]:
        """By variant; one that nobody was shown may be missing."""
        ...

    async def aclose(self) -> None: ...

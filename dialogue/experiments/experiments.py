"""Experiments as the engine and an operator use them."""

import logging
import time
import uuid
from collections import OrderedDict
from collections.abc import Callable, Sequence

from pydantic import BaseModel, ConfigDict

from dialogue.experiments.experiment import (
    Assignment,
    Experiment,
    ExperimentDraft,
    ExperimentError,
    ExperimentNotFoundError,
    ExperimentStateError,
    ExperimentStatus,
    variant_of,
)
from dialogue.experiments.overrides import EngineOverrides, joined
from dialogue.experiments.results import ExperimentResults, results_of
from dialogue.experiments.store import ExperimentStore
from parley.clock import Clock, monotonic

FRESH_S = 1.0
"""So late at most an answer notices that an experiment was started or stopped elsewhere."""
_KNOWN_EXPOSURES = 20_000
"""Of which the store need not be told again by this process."""

_log = logging.getLogger(__name__)


class ExperimentsSummary(BaseModel):
    """Of all experiments together."""

    model_config = ConfigDict(frozen=True)

    total: int = 0
    draft: int = 0
    running: int = 0
    stopped: int = 0
    exposed: int = 0
    converted: int = 0


class Experiments:
    """Over one store, which belongs to whoever opened it. Calls raise ExperimentError where the
    store fails, but for those that answers wait for."""

    def __init__(
        self,
        store: ExperimentStore,
        *,
        now: Callable[[], float] = time.time,
        clock: Clock = monotonic,
    ) -> None:
        """`now` gives seconds since 1970."""
        self._store = store
        self._now = now
        self._clock = clock
        self._running: Sequence[Experiment] = ()
        self._read_s: float | None = None
        self._is_away = False
        self._exposed: OrderedDict[tuple[str, str], None] = OrderedDict()

    async def aclose(self) -> None:
        await self._store.aclose()

    # --- for operators

    async def create(self, draft: ExperimentDraft) -> Experiment:
        experiment = Experiment(id=uuid.uuid4().hex, draft=draft, created_at_s=self._now())
        await self._store.create(experiment)
        return experiment

    async def list(self) -> Sequence[Experiment]:
        """All, oldest first."""
        return await self._store.list()

    async def get(self, experiment_id: str) -> Experiment:
        """Raises ExperimentNotFoundError."""
        if (experiment := await self._store.load(experiment_id)) is None:
            raise ExperimentNotFoundError(f"there is no experiment {experiment_id!r}")
        return experiment

    async def results(self, experiment_id: str) -> ExperimentResults:
        """As of now. Raises ExperimentNotFoundError."""
        experiment = await self.get(experiment_id)
        return results_of(experiment, await self._store.tallies(experiment_id))

    async def start(self, experiment_id: str) -> Experiment:
        """From now on users are assigned. Raises ExperimentStateError for one that is no draft."""
        changes = {"status": ExperimentStatus.RUNNING, "started_at_s": self._now()}
        return await self._change(experiment_id, ExperimentStatus.DRAFT, changes)

    async def stop(self, experiment_id: str) -> Experiment:
        """From now on everybody is answered as without it. It has a winner where the test names
        one. Raises ExperimentStateError for one that does not run."""
        winner = (await self.results(experiment_id)).winner
        changes = {
            "status": ExperimentStatus.STOPPED,
            "stopped_at_s": self._now(),
            "winner": winner,
        }
        return await self._change(experiment_id, ExperimentStatus.RUNNING, changes)

    async def summary(self) -> ExperimentsSummary:
        experiments = await self._store.list()
        tallies = [
            tally
            for each in experiments
            if each.status is not ExperimentStatus.DRAFT
            for tally in (await self._store.tallies(each.id)).values()
        ]
        by_status = [each.status for each in experiments]
        return ExperimentsSummary(
            total=len(experiments),
            draft=by_status.count(ExperimentStatus.DRAFT),
            running=by_status.count(ExperimentStatus.RUNNING),
            stopped=by_status.count(ExperimentStatus.STOPPED),
            exposed=sum(tally.exposed for tally in tallies),
            converted=sum(tally.converted for tally in tallies),
        )

    # --- for users

    async def assignment(self, experiment_id: str, user_id: str) -> Assignment:
        """The user's variant, which counts as shown to them. Nobody is assigned in an experiment
        that does not run. Raises ExperimentNotFoundError."""
        return await self._assigned(await self.get(experiment_id), user_id)

    async def convert(self, experiment_id: str, user_id: str, value: float = 1.0) -> bool:
        """The user did what the experiment is for; whether it counts: only of who was shown a
        variant, once, and while it runs. Raises ExperimentNotFoundError."""
        if (await self.get(experiment_id)).status is not ExperimentStatus.RUNNING:
            return False
        return await self._store.convert(experiment_id, user_id, value)

    async def assignments_for(self, user_id: str) -> Sequence[Assignment]:
        """In all experiments that run; what is shown counts. Never fails: without the store it
        goes by what is known."""
        if not user_id:  # without a name nobody stays in their variant
            return ()
        found = []
        try:
            for experiment in await self._all_running():
                assignment = await self._assigned(experiment, user_id)
                if assignment.assigned:
                    found.append(assignment)
            self._is_away = False
        except ExperimentError as error:
            if not self._is_away:  # once, and not with every answer
                _log.warning("experiments are left out of answers: %s", error)
            self._is_away = True
        return found

    async def overrides_for(self, user_id: str) -> EngineOverrides:
        """What the experiments want otherwise for this user; the older one counts where two want
        the same. Never fails."""
        assignments = await self.assignments_for(user_id)
        return joined([EngineOverrides.model_validate(each.variant_config) for each in assignments])

    async def _assigned(self, experiment: Experiment, user_id: str) -> Assignment:
        none = Assignment(experiment_id=experiment.id)
        if experiment.status is not ExperimentStatus.RUNNING:
            return none
        if (variant := variant_of(experiment, user_id)) is None:
            return none
        await self._expose(experiment.id, user_id, variant.name)
        return Assignment(
            experiment_id=experiment.id,
            variant_name=variant.name,
            variant_config=variant.config.as_config(),
            assigned=True,
        )

    async def _expose(self, experiment_id: str, user_id: str, variant: str) -> None:
        key = (experiment_id, user_id)
        if key in self._exposed:
            return
        await self._store.expose(experiment_id, user_id, variant)
        self._exposed[key] = None
        if len(self._exposed) > _KNOWN_EXPOSURES:
            self._exposed.popitem(last=False)

    async def _all_running(self) -> Sequence[Experiment]:
        now_s = self._clock()
        if self._read_s is None or now_s - self._read_s >= FRESH_S:
            listed = await self._store.list()
            self._running = [e for e in listed if e.status is ExperimentStatus.RUNNING]
            self._read_s = now_s
        return self._running

    async def _change(
        self, experiment_id: str, was: ExperimentStatus, changes: dict[str, object]
    ) -> Experiment:
        experiment = await self.get(experiment_id)
        changed = experiment.model_copy(update=changes)
        if experiment.status is not was or not await self._store.change(changed, was=was):
            now = (await self.get(experiment_id)).status
            raise ExperimentStateError(
                f"experiment {experiment_id} is {now}: only one that is {was} can become "
                f"{changed.status}"
            )
        self._read_s = None
        return changed

"""What must be on the machine before the parts can start: programs, models, the page.

Steps run side by side, and a part starts as soon as its own are done: the models of speech are in
memory while the LiveKit server is still being built.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future, wait
from pathlib import Path

from ops.llm_choice import choose_llm
from ops.supervisor.configuration import Configuration
from ops.supervisor.parts import local_names
from ops.toolchain import ensure_livekit_server, ensure_page
from ops.toolchain.converted_models import ensure_converted, is_converted_once
from ops.toolchain.engine_environment import environment_of
from parley import models
from parley.errors import ParleyError
from parley.models.needed import recognition_models, synthesis_models
from parley.progress import StepProgress, silent

_ENDS_WITHIN_S = 5.0
TOLD_FROM_S = 0.5
"""A step that took less had nothing to do."""


class PreparationCancelledError(ParleyError):
    """Nobody waits for it any more."""


class Preparation:
    """Gets what the parts `names` need, each thing at most once per machine, from its making on.

    `progress` is told from several threads. `on_done` is called once, in one of them, when all
    steps have ended, well or not.
    """

    def __init__(
        self,
        configuration: Configuration,
        names: Collection[str],
        progress: StepProgress = silent,
        *,
        on_done: Callable[[], None] = lambda: None,
    ) -> None:
        self._progress = progress
        self._on_done = on_done
        self._cancelled = threading.Event()
        self._seconds: dict[str, float] = {}
        steps, self._needs, self._after = _steps(configuration, names)
        self._left = len(steps)
        self._lock = threading.Lock()
        self._done = {step: Future[Path | None]() for step in steps}
        self._threads = [
            threading.Thread(target=self._run, args=(step, work), daemon=True, name=step)
            for step, work in steps.items()
        ]
        if not steps:
            on_done()
        for thread in self._threads:
            thread.start()

    @property
    def seconds(self) -> Mapping[str, float]:
        """How long the steps took that had something to do; they ran side by side, but for one
        that waited for another."""
        return {step: took_s for step, took_s in self._seconds.items() if took_s >= TOLD_FROM_S}

    def wait(self) -> None:
        """Blocks until all is there; raises ToolchainError or ModelError of the first that fails,
        and ends the others."""
        try:
            wait(self._done.values(), return_when="FIRST_EXCEPTION")
            for done in self._done.values():
                if done.done():
                    done.result()
        except BaseException:
            self.cancel()
            raise

    async def until_ready(self, part: str) -> None:
        """Returns once the part, or the number of it, may start; raises as `wait` does."""
        for step in self._needs.get(part.partition("-")[0], ()):
            await asyncio.shield(asyncio.wrap_future(self._done[step]))

    def cancel(self) -> None:
        """Ends what still runs, the installers with it; returns when they are gone."""
        self._cancelled.set()
        ends_s = time.monotonic() + _ENDS_WITHIN_S
        for thread in self._threads:
            thread.join(max(0.0, ends_s - time.monotonic()))

    def _run(self, step: str, work: Callable[[StepProgress], Path | None]) -> None:
        done = self._done[step]
        try:
            if step in self._after:
                self._done[self._after[step]].result()
            begun_s = time.monotonic()
            path = work(self._told)
        except BaseException as error:
            done.set_exception(error)
        else:
            self._seconds[step] = time.monotonic() - begun_s
            done.set_result(path)
        with self._lock:
            self._left -= 1
            is_last = not self._left
        if is_last:
            self._on_done()

    def _told(self, label: str, done: int, total: int | None, /) -> None:
        if self._cancelled.is_set():
            raise PreparationCancelledError("the preparation was cancelled")
        self._progress(label, done, total)


Step = Callable[[StepProgress], Path | None]


def _steps(
    configuration: Configuration, names: Collection[str]
) -> tuple[dict[str, Step], dict[str, list[str]], dict[str, str]]:
    """What there is to get, of that what each part needs, and which step waits for which."""
    here = [name for name in local_names(configuration) if name in names]
    steps: dict[str, Step] = {}
    needs: dict[str, list[str]] = {name: [] for name in here}
    after: dict[str, str] = {}
    if "livekit" in here:
        steps["LiveKit server"] = ensure_livekit_server
        needs["livekit"].append("LiveKit server")
    environment = environment_of(configuration.worker.tts.adapter)
    if "tts" in here and environment is not None:
        ensure = environment.ensure
        steps[environment.name] = lambda progress: ensure(progress=progress)
        needs["tts"].append(environment.name)
    for part, model in _models_by_part(configuration, here):
        steps[model] = lambda progress, model=model: models.ensure(  # type: ignore[misc]
            model, progress=progress
        )
        needs[part].append(model)
        if is_converted_once(model):
            converted = f"{model} converted"
            steps[converted] = lambda progress, model=model: ensure_converted(  # type: ignore[misc]
                model, progress=progress
            )
            needs[part].append(converted)
            after[converted] = model
    if "gateway" in here:
        steps["page"] = ensure_page
        needs["gateway"].append("page")
    return steps, needs, after


def needed_models(configuration: Configuration, names: Collection[str]) -> list[str]:
    """The models that the parts `names` load when they start."""
    return [model for _, model in _models_by_part(configuration, names)]


def _models_by_part(configuration: Configuration, names: Collection[str]) -> list[tuple[str, str]]:
    """The parts, and the models of each."""
    asks_for_sound = configuration.orchestrator.turn.end_of_turn == "judged"
    by_part = {
        "tts": synthesis_models(configuration.worker.tts),
        "asr": recognition_models(configuration.asr_worker, turn_sound=asks_for_sound),
        "llm": [choose_llm(configuration.orchestrator).model] if "llm" in names else [],
    }
    return [(part, model) for part, wanted in by_part.items() if part in names for model in wanted]

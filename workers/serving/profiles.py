"""Where the time of slow work went: a .pstats file for each (ENABLE_PROFILING)."""

import cProfile
import logging
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from parley.settings.telemetry import WorkerTelemetrySection

_log = logging.getLogger(__name__)

Result = TypeVar("Result")


class EngineTime:
    """Times the engine's calls of one utterance, and profiles them where `profile` is given."""

    def __init__(self, profile: cProfile.Profile | None) -> None:
        self._profile = profile
        self.elapsed_s = 0.0

    def run(self, call: Callable[[], Result]) -> Result:
        """`call` in this thread; one at a time."""
        began = time.perf_counter()
        try:
            return call() if self._profile is None else self._profile.runcall(call)
        finally:
            self.elapsed_s += time.perf_counter() - began


MOST_FILES = 200
"""The oldest go."""


class SlowWorkProfiles:
    """Profiles one piece of work at a time: the interpreter allows no more; others go unprofiled.

    `kind` ("synthesis", "recognition") begins the names of its files.
    """

    def __init__(self, telemetry: WorkerTelemetrySection, *, kind: str) -> None:
        self._kind = kind
        self._enabled = telemetry.profiling
        self._folder = Path(telemetry.profile_output_dir)
        self._min_s = telemetry.profile_min_duration_ms / 1000
        self._in_use = threading.Lock()

    @contextmanager
    def timed(self, work_id: str) -> Iterator[EngineTime]:
        """Leaves `<kind>-<id>-<ms>.pstats` if the engine took longer than allowed."""
        if not self._enabled or not self._in_use.acquire(blocking=False):
            yield EngineTime(None)
            return
        profile = cProfile.Profile()
        timed = EngineTime(profile)
        try:
            yield timed
        finally:
            self._in_use.release()
            if timed.elapsed_s > self._min_s:
                self._leave(profile, work_id, timed.elapsed_s)

    def _leave(self, profile: cProfile.Profile, work_id: str, elapsed_s: float) -> None:
        name = re.sub(r"[^A-Za-z0-9_-]", "_", work_id)[:64]
        file = self._folder / f"{self._kind}-{name}-{elapsed_s * 1000:.0f}ms.pstats"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            profile.dump_stats(file)
            kept = sorted(self._folder.glob("*.pstats"), key=_written_at)
            for oldest in kept[:-MOST_FILES]:
                oldest.unlink()
        except OSError as error:
            _log.error("the profile of slow %s cannot be kept: %s", self._kind, error)


def _written_at(file: Path) -> int:
    return file.stat().st_mtime_ns

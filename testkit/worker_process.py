"""TTS workers as processes of a benchmark: on free ports, under a guard, pinned to cores."""

import asyncio
import os
import signal
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import yaml

from ops.supervisor.environment import part_environment
from ops.supervisor.part import Part
from ops.supervisor.part_log import PartLog
from ops.supervisor.part_process import PartProcess, exit_reason
from ops.supervisor.readiness import until_ready
from parley.errors import SupervisorError
from parley.settings import WorkerSettings
from testkit.isolated_config import HOST, free_ports

START_S = 120.0


class WorkerProcess:
    """One TTS worker; `start` and `stop` it as often as needed, it keeps its ports."""

    def __init__(
        self,
        name: str,
        folder: Path,
        *,
        tts: Mapping[str, object],
        redis_url: str = "",
        module: str = "workers.tts",
        cpus: Collection[int] = (),
    ) -> None:
        """`tts` are settings of the worker's section; `folder` takes its configuration and log.

        `module` is run in place of `workers.tts`; `cpus` are the cores it may use, none: all.
        """
        self.name = name
        self.port, metrics_port = free_ports(2)
        self.target = f"{HOST}:{self.port}"
        self._folder = folder / name
        self._folder.mkdir(parents=True, exist_ok=True)
        settings = {
            "tts": {"host": HOST, "port": self.port, "metrics_port": metrics_port, **tts},
            "redis": {"url": redis_url},
        }
        config = self._folder / "worker.yaml"
        config.write_text(yaml.safe_dump(settings), encoding="utf-8")
        self._part = Part(
            name=name,
            command=(sys.executable, "-P", "-m", module),
            environment=part_environment(
                WorkerSettings, config, state_dir=self._folder, threads=1, is_worker=True
            ),
            ready_url=f"grpc://{self.target}",
        )
        self._cpus = cpus
        self._log = PartLog(self._folder / f"{name}.log")
        self._process: PartProcess | None = None

    @property
    def pid(self) -> int:
        """Of the worker itself; raises SupervisorError where it does not run."""
        pid = self._process.pid if self._process is not None else None
        if pid is None:
            raise SupervisorError(f"{self.name} is not running; its log is in {self._folder}")
        return pid

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.pid is not None

    async def start(self) -> None:
        """Returns once it serves; raises SupervisorError."""
        with _pinned(self._cpus):
            self._process = await PartProcess.start(self._part, self._log)
        ready = asyncio.create_task(until_ready(self._part.ready_url))
        ended = asyncio.create_task(self._process.ended())
        try:
            await asyncio.wait({ready, ended}, timeout=START_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (ready, ended):
                task.cancel()
            await asyncio.gather(ready, ended, return_exceptions=True)
        if not ready.cancelled():
            return
        why = "\n".join(self._process.last_lines(5)) or "it said nothing"
        await self.stop()
        raise SupervisorError(f"{self.name} did not start: {why}")

    async def stop(self) -> None:
        """Ends it, stopped (SIGSTOP) or not; safe at any time."""
        if self._process is None:
            return
        if self.runs:
            self.signal(signal.SIGCONT)
        await self._process.stop()
        self._process = None

    async def ended(self, *, within_s: float) -> str:
        """How it ended, in words; raises SupervisorError when it goes on."""
        assert self._process is not None
        try:
            async with asyncio.timeout(within_s):
                return exit_reason(await self._process.ended())
        except TimeoutError:
            raise SupervisorError(f"{self.name} did not end within {within_s:.0f} s") from None

    def signal(self, number: signal.Signals) -> None:
        """To the worker itself, not its guard."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def cpu_s(self) -> float:
        """CPU time it has used."""
        times = psutil.Process(self.pid).cpu_times()
        return float(times.user + times.system)

    def memory_bytes(self) -> int:
        return int(psutil.Process(self.pid).memory_info().rss)


@contextmanager
def _pinned(cpus: Collection[int]) -> Iterator[None]:
    """What is started inside runs on these cores only (all where there are none)."""
    if not cpus:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cpus)  # of this thread; what it starts inherits it
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)

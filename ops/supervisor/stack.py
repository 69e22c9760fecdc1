"""Parley's parts as a block of code: for tests and benchmarks."""

import asyncio
import concurrent.futures
import contextlib
import threading
from collections.abc import Callable, Collection
from pathlib import Path
from types import TracebackType
from typing import Self

from ops.supervisor.configuration import Configuration, read_configuration
from ops.supervisor.keys import LiveKitKeys, livekit_keys
from ops.supervisor.part import Part
from ops.supervisor.parts import PART_NAMES, local_names, local_parts
from ops.supervisor.ports import check_ports
from ops.supervisor.preparation import Preparation
from ops.supervisor.supervisor import PartStatus, Supervisor
from ops.toolchain import livekit_server_path
from parley.disk import why_full
from parley.errors import SupervisorError


def make_parts(configuration: Configuration, names: Collection[str]) -> list[Part]:
    """The parts that run here, with what they read written for them and their ports free.

    Raises ConfigurationError or SupervisorError.
    """
    check_disk(configuration.state_dir)
    keys = livekit_keys(configuration)
    configuration.write_livekit_config()
    is_here = "livekit" in names and "livekit" in local_names(configuration)
    livekit_server = livekit_server_path() if is_here else None
    parts = local_parts(configuration, keys=keys, livekit_server=livekit_server, names=names)
    check_ports(parts)
    return parts


def check_disk(state_dir: Path) -> None:
    """Raises SupervisorError where the parts could write nothing down."""
    if (reason := why_full(state_dir)) is not None:
        raise SupervisorError(
            f"{reason}: free some space, or set PARLEY_STATE_DIR to a folder on another disk"
        )


class Stack:
    """Runs the parts `parts` of the configuration in `config_dir`, from `start` to `stop`, once.

    Logs go to `state_dir`/logs. Not for an event loop's thread: both calls block.
    """

    def __init__(
        self, config_dir: Path, state_dir: Path, *, parts: Collection[str] = PART_NAMES
    ) -> None:
        self.configuration = read_configuration(config_dir, state_dir)
        self._names = parts
        self._thread: threading.Thread | None = None
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._supervisor: Supervisor | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def keys(self) -> LiveKitKeys:
        return livekit_keys(self.configuration)

    @property
    def environment(self) -> dict[str, str]:
        """What a command beside the stack needs in its environment to find it."""
        return {
            "PARLEY_CONFIG_DIR": str(self.configuration.config_dir),
            "PARLEY_STATE_DIR": str(self.configuration.state_dir),
        }

    @property
    def log_dir(self) -> Path:
        return self.configuration.state_dir / "logs"

    @property
    def status(self) -> tuple[PartStatus, ...]:
        """How the parts are doing now."""
        return self._supervisor.status if self._supervisor is not None else ()

    def start(self) -> None:
        """Returns when every part is ready; raises ParleyError with none left running."""
        Preparation(self.configuration, self._names).wait()
        parts = make_parts(self.configuration, self._names)
        ready: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._thread = threading.Thread(target=self._serve, args=(parts, ready))
        self._thread.start()
        try:
            ready.result()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Ends all parts; returns when none is left."""
        if self._thread is None:
            return
        with contextlib.suppress(RuntimeError):  # the loop has ended by itself
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._thread = None

    def _serve(self, parts: list[Part], ready: concurrent.futures.Future[None]) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            try:
                runner.run(self._run(parts, lambda: ready.set_result(None)))
            except BaseException as error:
                if ready.done():
                    raise
                ready.set_exception(error)

    async def _run(self, parts: list[Part], on_ready: Callable[[], None]) -> None:
        supervisor = self._supervisor = Supervisor(
            parts, log_dir=self.log_dir, on_change=lambda status: None
        )
        async with supervisor:
            await supervisor.serve(self._stop, on_ready=on_ready)

"""The voices this worker's engine can speak with, and where each of them is now."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from threading import Thread
from typing import TypeVar

from parley import models
from parley.errors import ModelError
from parley.models import ModelSpec
from parley.rpc.v1 import status_pb2 as pb
from workers.engines.tts_engine import LoadedVoice, TtsEngine
from workers.serving.errors import RequestError, not_found, quoted
from workers.synthesis.residency import Residency

_CACHED_FOR_S = 5.0

Result = TypeVar("Result")


class WorkerVoices:
    """The voices of one engine."""

    def __init__(self, engine: TtsEngine, *, default: str) -> None:
        self._engine = engine
        self._specs = engine.voices()
        self.default = default
        self._cached: frozenset[str] = frozenset()
        self._cached_at_s = float("-inf")

    def find(self, name: str) -> ModelSpec:
        """The voice, or the default one for an empty name; raises NOT_FOUND with those there."""
        spec = self._specs.get(name or self.default)
        if spec is None:
            raise self._unknown(name)
        return spec

    async def load(self, name: str) -> LoadedVoice:
        """Fetches the voice's files where they are not cached, and loads it.

        Raises ModelError, EngineError.
        """
        folder = await _in_daemon_thread(lambda: models.ensure_spec(self._specs[name]))
        voice = await asyncio.to_thread(self._engine.load, name, folder)
        self._cached |= {name}
        return voice

    async def messages(self, residency: Residency) -> list[pb.Voice]:
        """All of them, as they travel."""
        await self._look_for_files()
        return [self.message(spec, residency) for spec in self._specs.values()]

    def message(self, spec: ModelSpec, residency: Residency) -> pb.Voice:
        if residency.is_resident(spec.name):
            state = pb.VOICE_RESIDENCY_RESIDENT
        elif residency.is_loading(spec.name):
            state = pb.VOICE_RESIDENCY_LOADING
        elif spec.name in self._cached:
            state = pb.VOICE_RESIDENCY_CACHED
        else:
            state = pb.VOICE_RESIDENCY_REMOTE
        return pb.Voice(
            name=spec.name,
            engine=spec.engine,
            languages=spec.languages,
            sample_rate_hz=spec.sample_rate_hz or 0,
            residency=state,
            license=spec.license,
            leases=residency.leases(spec.name),
        )

    async def _look_for_files(self) -> None:
        """Who polls the status must not have the disk searched every time."""
        if time.monotonic() - self._cached_at_s > _CACHED_FOR_S:
            self._cached_at_s = time.monotonic()
            self._cached = await asyncio.to_thread(self._with_files)

    def _with_files(self) -> frozenset[str]:
        return frozenset(name for name, spec in self._specs.items() if _is_cached(spec))

    def _unknown(self, name: str) -> RequestError:
        here = sorted(self._with_files())
        others = len(self._specs) - len(here)
        more = f"{others} {'more ' if here else ''}that it can fetch (ListVoices names them)"
        known = ", and ".join([*([", ".join(here)] if here else []), *([more] if others else [])])
        return not_found(
            f"no voice is called {quoted(name or self.default)}; this worker speaks with "
            f"{known or 'none: its engine has no voices'}",
            reason="VOICE_NOT_FOUND",
        )


def _is_cached(spec: ModelSpec) -> bool:
    try:
        return models.cached_spec(spec) is not None
    except ModelError:
        return False


async def _in_daemon_thread(call: Callable[[], Path]) -> Path:
    """For a download: it may last minutes, and must not keep a stopped worker alive."""
    future: Future[Path] = Future()

    def work() -> None:
        try:
            future.set_result(call())
        except BaseException as error:
            future.set_exception(error)

    Thread(target=work, name="fetch", daemon=True).start()
    return await asyncio.wrap_future(future)

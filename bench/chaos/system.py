"""The Parley that the suite breaks: LiveKit, the agent, speech workers, in a folder of its own."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc

from bench.chaos.storyteller import MODEL, Storyteller
from caller.access import Access
from gateway.calls.tokens import CallTokens
from ops.supervisor.stack import Stack
from parley import models
from parley.errors import SupervisorError
from parley.rpc.v1 import status_pb2
from parley.rpc.v1 import synthesis_pb2_grpc as rpc
from testkit.isolated_config import forget_own_settings, write_config
from testkit.redis_server import RedisServer
from testkit.worker_process import WorkerProcess

WORKERS = 2
"""With one lost, the other one is all there is."""
VOICE = "piper-en-us-joe-medium"
WORDS_PER_S = 6.0
"""Twice as fast as the voice speaks."""
AT_ONCE = 8
STATUS_TIMEOUT_S = 0.5
POLL_S = 0.1


@dataclass(frozen=True)
class System:
    """Everything runs; `running` makes it."""

    stack: Stack
    workers: tuple[WorkerProcess, ...]
    storyteller: Storyteller
    redis: RedisServer | None

    def access(self) -> Access:
        """To a new room, where the agent will be."""
        settings = self.stack.configuration.orchestrator.livekit
        keys = self.stack.keys.for_clients()
        granted = CallTokens(
            type(settings).model_validate(
                settings.model_dump()
                | {"api_key": keys["LIVEKIT_API_KEY"], "api_secret": keys["LIVEKIT_API_SECRET"]}
            )
        ).grant()
        return Access(
            url=granted.url, token=granted.token, room=granted.room, identity=granted.identity
        )

    async def restore(self) -> None:
        """Brings back whatever a case that broke off has left broken; raises SupervisorError."""
        if self.redis is not None and not self.redis.runs:
            await asyncio.to_thread(self.redis.start)
        for worker in self.workers:
            if worker.runs:
                worker.signal(signal.SIGCONT)
            else:
                await worker.stop()
                await worker.start()

    def signal_livekit(self, number: signal.Signals) -> None:
        """Raises SupervisorError where it does not run."""
        (livekit,) = (part for part in self.stack.status if part.name == "livekit")
        if livekit.pid is None:
            raise SupervisorError("the LiveKit server does not run")
        os.kill(livekit.pid, number)

    async def speaking(self, *, within_s: float) -> WorkerProcess:
        """The worker that has an utterance; raises SupervisorError when none gets one."""
        return await self._first(lambda status: status.in_flight > 0, self.workers, within_s)

    async def taken_over(self, lost: WorkerProcess, *, within_s: float) -> bool:
        """Whether a worker other than `lost` gets the utterance."""
        others = tuple(worker for worker in self.workers if worker is not lost)
        try:
            await self._first(lambda status: status.in_flight > 0, others, within_s)
        except SupervisorError:
            return False
        return True

    async def answers(self, worker: WorkerProcess, *, within_s: float) -> None:
        """Returns once the worker tells its status; raises SupervisorError when it does not."""
        await self._first(lambda status: True, (worker,), within_s)

    async def _first(
        self,
        condition: Callable[[status_pb2.WorkerStatus], bool],
        workers: tuple[WorkerProcess, ...],
        within_s: float,
    ) -> WorkerProcess:
        give_up_at = asyncio.get_running_loop().time() + within_s
        while asyncio.get_running_loop().time() < give_up_at:
            for worker, status in await _statuses(workers):
                if condition(status):
                    return worker
            await asyncio.sleep(POLL_S)
        names = ", ".join(worker.name for worker in workers)
        raise SupervisorError(f"no speech worker was as expected within {within_s:.0f} s ({names})")


@asynccontextmanager
async def running(folder: Path, *, with_redis: bool, hears: bool = False) -> AsyncIterator[System]:
    """Starts all of it on free ports; ends all of it, however the block is left. `hears`: the
    agent recognizes what the caller says, who says nothing.

    Raises ParleyError when a part does not start.
    """
    forget_own_settings()
    await asyncio.to_thread(models.ensure, VOICE)
    async with AsyncExitStack() as started:
        redis = RedisServer(folder) if with_redis else None
        if redis is not None:
            started.callback(redis.stop)
            await asyncio.to_thread(redis.start)
        workers = tuple(
            WorkerProcess(
                f"tts-{number}",
                folder / "workers",
                tts={"adapter": "piper", "default_model": VOICE},
                redis_url=redis.url if redis is not None else "",
                module="bench.chaos.hangable_worker",
            )
            for number in range(1, WORKERS + 1)
        )
        for worker in workers:
            started.push_async_callback(worker.stop)
        await asyncio.gather(*(worker.start() for worker in workers))
        storyteller = Storyteller(words_per_s=WORDS_PER_S, at_once=AT_ONCE)
        llm_url = await started.enter_async_context(storyteller.serving())
        config = _write_config(folder / "configs", llm_url, workers, redis, hears=hears)
        parts = ("livekit", "asr", "agent") if hears else ("livekit", "agent")
        stack = Stack(config, folder / "state", parts=parts)
        started.push_async_callback(asyncio.to_thread, stack.stop)
        await asyncio.to_thread(stack.start)
        yield System(stack, workers, storyteller, redis)


def _write_config(
    folder: Path,
    llm_url: str,
    workers: tuple[WorkerProcess, ...],
    redis: RedisServer | None,
    *,
    hears: bool,
) -> Path:
    return write_config(
        folder,
        orchestrator={
            "tts": {
                "discovery": "redis" if redis is not None else "static",
                "worker_address": ",".join(worker.target for worker in workers),
                "default_model": VOICE,
            },
            "asr": {"enabled": hears},  # the caller types: nothing but speaking is judged
            "llm": {"base_url": llm_url, "api_key": "none", "model": MODEL},
            "agent": {"greeting": ""},
            "redis": {"url": redis.url if redis is not None else ""},
        },
    )


async def _statuses(
    workers: tuple[WorkerProcess, ...],
) -> list[tuple[WorkerProcess, status_pb2.WorkerStatus]]:
    """What the workers that answer say of themselves."""
    answers = await asyncio.gather(*map(_status, workers))
    return [
        (worker, status)
        for worker, status in zip(workers, answers, strict=True)
        if status is not None
    ]


async def _status(worker: WorkerProcess) -> status_pb2.WorkerStatus | None:
    async with grpc.aio.insecure_channel(
        worker.target, options=(("grpc.use_local_subchannel_pool", 1),)
    ) as channel:
        stub = rpc.SpeechSynthesisStub(channel)
        try:
            answer = await stub.GetStatus(status_pb2.GetStatusRequest(), timeout=STATUS_TIMEOUT_S)
        except grpc.aio.AioRpcError:
            return None
    return answer.status

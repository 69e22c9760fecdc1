"""What is asked of all workers at once: voices, loading, unloading, status; each by a deadline."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from parley.discovery import Discovery
from parley.discovery.lease import Kind
from parley.errors import SpeechError, WorkerUnavailableError
from parley.rpc.v1 import status_pb2, synthesis_pb2, synthesis_pb2_grpc
from parley.speech.channel import Channels, as_speech_error
from parley.speech.status import worker_status

ASK_TIMEOUT_S = 2.0
LOAD_TIMEOUT_S = 600.0
"""A voice that is not on the worker's machine is fetched first."""

Answer = TypeVar("Answer")
Call = Callable[[grpc.aio.Channel], Awaitable[Answer]]


@dataclass(frozen=True)
class Answers(Generic[Answer]):
    """What each worker answered, by its host:port; why it did not is an answer, too."""

    by_target: Mapping[str, Answer | SpeechError]

    @property
    def given(self) -> dict[str, Answer]:
        """The answers of those that answered."""
        return {
            target: answer
            for target, answer in self.by_target.items()
            if not isinstance(answer, SpeechError)
        }

    @property
    def failures(self) -> dict[str, SpeechError]:
        """Why the others did not; the messages name addresses and are for operators."""
        return {
            target: answer
            for target, answer in self.by_target.items()
            if isinstance(answer, SpeechError)
        }


class WorkerAdmin:
    """Asks every worker that `discovery` knows, all at the same time, over `channels`.

    No method raises for a worker that fails: that is in the Answers. `timeout_s` is the deadline
    of each worker. Belongs to one event loop; whoever owns `channels` closes them.
    """

    def __init__(self, discovery: Discovery, channels: Channels, kind: Kind = "synthesis") -> None:
        self._discovery = discovery
        self._channels = channels
        self._kind: Kind = kind

    async def voices(
        self, *, timeout_s: float = ASK_TIMEOUT_S
    ) -> Answers[tuple[status_pb2.Voice, ...]]:
        """The voices of each synthesis worker, those it would have to fetch included."""

        async def ask(channel: grpc.aio.Channel) -> tuple[status_pb2.Voice, ...]:
            stub = synthesis_pb2_grpc.SpeechSynthesisStub(channel)
            request = synthesis_pb2.ListVoicesRequest()
            return tuple((await stub.ListVoices(request, timeout=timeout_s)).voices)

        return await self._ask_each(ask, timeout_s)

    async def load(self, voice: str, *, timeout_s: float = LOAD_TIMEOUT_S) -> Answers[float]:
        """Has each synthesis worker load the voice; the answer is the seconds that it took.

        A worker of another engine answers VoiceNotFoundError.
        """

        async def ask(channel: grpc.aio.Channel) -> float:
            stub = synthesis_pb2_grpc.SpeechSynthesisStub(channel)
            request = synthesis_pb2.LoadVoiceRequest(voice=voice)
            answer = await stub.LoadVoice(request, timeout=timeout_s)
            return float(answer.load.ToTimedelta().total_seconds())

        return await self._ask_each(ask, timeout_s)

    async def unload(self, voice: str, *, timeout_s: float = ASK_TIMEOUT_S) -> Answers[None]:
        """Has each synthesis worker give the voice's memory back.

        One that speaks with it answers InvalidSpeechRequestError.
        """

        async def ask(channel: grpc.aio.Channel) -> None:
            stub = synthesis_pb2_grpc.SpeechSynthesisStub(channel)
            await stub.UnloadVoice(synthesis_pb2.UnloadVoiceRequest(voice=voice), timeout=timeout_s)

        return await self._ask_each(ask, timeout_s)

    async def status(self, *, timeout_s: float = ASK_TIMEOUT_S) -> Answers[status_pb2.WorkerStatus]:
        """What each worker says of itself."""

        async def ask(channel: grpc.aio.Channel) -> status_pb2.WorkerStatus:
            return await worker_status(channel, self._kind, timeout_s=timeout_s)

        return await self._ask_each(ask, timeout_s)

    async def serving(
        self, *, timeout_s: float = ASK_TIMEOUT_S
    ) -> Answers[status_pb2.WorkerStatus]:
        """The status of each worker whose health is SERVING; any other health is a failure."""

        async def ask(channel: grpc.aio.Channel) -> status_pb2.WorkerStatus:
            health = health_pb2_grpc.HealthStub(channel).Check(  # type: ignore[attr-defined]
                health_pb2.HealthCheckRequest(), timeout=timeout_s
            )
            answer, status = await asyncio.gather(
                health, worker_status(channel, self._kind, timeout_s=timeout_s)
            )
            if answer.status != health_pb2.HealthCheckResponse.SERVING:
                name = health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)
                raise WorkerUnavailableError(f"its health is {name}")
            return status

        return await self._ask_each(ask, timeout_s)

    async def _ask_each(self, call: "Call[Answer]", timeout_s: float) -> Answers[Answer]:
        async def answer(target: str) -> Answer | SpeechError:
            try:
                return await call(self._channels.to(target))
            except WorkerUnavailableError as error:
                return WorkerUnavailableError(f"speech worker {target}: {error}")
            except grpc.aio.AioRpcError as error:
                if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                    return WorkerUnavailableError(
                        f"speech worker {target}: no answer within {timeout_s:g} s"
                    )
                return as_speech_error(error, target=target)

        targets = [worker.target for worker in self._discovery.workers()]
        answers = await asyncio.gather(*map(answer, targets))
        return Answers(dict(zip(targets, answers, strict=True)))

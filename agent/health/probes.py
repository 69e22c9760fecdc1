"""Asks every part that a call needs whether it is there: at once, each for at most a second."""

import asyncio
from collections.abc import Awaitable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import unquote, urlsplit

import aiohttp
import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from dialogue.model import base_url
from parley.discovery import Discovery
from parley.rpc.v1 import recognition_pb2_grpc, status_pb2, synthesis_pb2_grpc
from parley.settings import OrchestratorSettings
from parley.speech.channel import Channels
from parley.speech.configured import recognition_discovery, speech_discovery
from parley.tls import client_tls

TIMEOUT_S = 1.0


@dataclass(frozen=True)
class Check:
    """Whether a part answers; `error` says why not, None when it does or is not configured."""

    error: str | None = None

    @property
    def ok(self) -> bool:
        return self.error is None


@dataclass(frozen=True)
class Findings:
    """The checks by part, and what the healthy workers say of themselves."""

    checks: dict[str, Check]
    synthesis: tuple[status_pb2.WorkerStatus, ...] = ()
    recognition: tuple[status_pb2.WorkerStatus, ...] = ()


@dataclass
class Probes:
    """Use as an async context manager, in the event loop that probes.

    Raises ConfigurationError when the settings cannot work.
    """

    settings: OrchestratorSettings
    _speakers: Discovery = field(init=False)
    _listeners: Discovery = field(init=False)
    _channels: Channels = field(init=False)
    _http: aiohttp.ClientSession = field(init=False)
    _running: AsyncExitStack = field(default_factory=AsyncExitStack, init=False)

    def __post_init__(self) -> None:
        self._channels = Channels(client_tls(self.settings.tls))
        self._speakers = speech_discovery(self.settings)
        self._listeners = recognition_discovery(self.settings)

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(TIMEOUT_S))
        await self._running.enter_async_context(self._http)
        self._running.push_async_callback(self._channels.aclose)
        for discovery in (self._speakers, self._listeners):
            await self._running.enter_async_context(discovery.watching())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._running.aclose()

    async def run(self) -> Findings:
        """Never raises: what fails is a finding."""
        settings = self.settings
        livekit = settings.livekit.url.replace("ws", "http", 1)
        redis, worker, asr, http_livekit, llm = await asyncio.gather(
            _limited(self._redis()),
            self._workers(self._speakers),
            self._recognition(),
            _limited(self._http_ok(livekit)),
            _limited(self._llm()),
        )
        known = (*self._speakers.workers(), *self._listeners.workers())
        await self._channels.forget_others({worker.target for worker in known})
        checks = {
            "redis": redis,
            "worker": worker[0],
            "livekit": http_livekit,
            "llm": llm,
            "asr": asr[0],
        }
        return Findings(checks, synthesis=worker[1], recognition=asr[1])

    async def _recognition(self) -> tuple[Check, tuple[status_pb2.WorkerStatus, ...]]:
        if not self.settings.asr.enabled:
            return Check(), ()
        return await self._workers(self._listeners, recognition=True)

    async def _workers(
        self, discovery: Discovery, *, recognition: bool = False
    ) -> tuple[Check, tuple[status_pb2.WorkerStatus, ...]]:
        """One healthy worker is enough."""
        targets = [worker.target for worker in discovery.workers()]
        found: list[status_pb2.WorkerStatus] = []

        async def probe(target: str) -> None:
            found.append(await self._worker(target, recognition=recognition))

        checks = await asyncio.gather(*(_limited(probe(target), target) for target in targets))
        if found:
            return Check(), tuple(found)
        return Check("; ".join(check.error or "" for check in checks) or "none is known"), ()

    async def _worker(self, target: str, *, recognition: bool) -> status_pb2.WorkerStatus:
        channel = self._channels.to(target)
        health = health_pb2_grpc.HealthStub(channel).Check(  # type: ignore[attr-defined]
            health_pb2.HealthCheckRequest()
        )
        stub = (
            recognition_pb2_grpc.SpeechRecognitionStub(channel)
            if recognition
            else synthesis_pb2_grpc.SpeechSynthesisStub(channel)
        )
        serving, answer = await asyncio.gather(
            health, stub.GetStatus(status_pb2.GetStatusRequest())
        )
        if serving.status != health_pb2.HealthCheckResponse.SERVING:
            raise _NotServingError(
                health_pb2.HealthCheckResponse.ServingStatus.Name(serving.status)
            )
        return answer.status

    async def _http_ok(self, url: str, *, key: str = "") -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        async with self._http.get(url, headers=headers) as response:
            if response.status != 200:
                raise _NotServingError(f"{url} answered {response.status}")

    async def _llm(self) -> None:
        url = base_url(self.settings)
        if self.settings.llm_is_local:
            await self._http_ok(f"{url.removesuffix('/v1')}/health")
        else:
            await self._http_ok(f"{url}/models", key=self.settings.llm.api_key.get_secret_value())

    async def _redis(self) -> None:
        if not self.settings.redis.url:
            return
        url = urlsplit(self.settings.redis.url)
        reader, writer = await asyncio.open_connection(
            url.hostname, url.port or 6379, ssl=url.scheme == "rediss" or None
        )
        try:
            if url.password:
                user = [unquote(url.username)] if url.username else []
                writer.write(_redis_command(["AUTH", *user, unquote(url.password)]))
                await _redis_answer(reader)
            writer.write(_redis_command(["PING"]))
            await _redis_answer(reader)
        finally:
            writer.close()


class _NotServingError(Exception):
    """A part that answers, but not as one that serves."""


async def _limited(probe: Awaitable[None], what: str = "") -> Check:
    try:
        async with asyncio.timeout(TIMEOUT_S):
            await probe
    except TimeoutError:
        return Check(f"{what} did not answer within {TIMEOUT_S:.0f} s".strip())
    except grpc.aio.AioRpcError as error:
        return Check(f"{what}: {error.code().name}: {error.details()}")
    except (OSError, aiohttp.ClientError, _NotServingError) as error:
        return Check(f"{what}: {error}" if what else str(error) or type(error).__name__)
    return Check()


def _redis_command(words: Iterable[str]) -> bytes:
    parts = [word.encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts)


async def _redis_answer(reader: asyncio.StreamReader) -> None:
    line = await reader.readline()
    if not line.startswith(b"+"):
        raise _NotServingError(f"Redis answered {line.decode(errors='replace').strip()!r}")

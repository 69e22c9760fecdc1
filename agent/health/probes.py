"""Asks every part that a call needs whether it is there: at once, each for at most a second."""

import asyncio
from collections.abc import Awaitable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Self

import aiohttp
from redis.exceptions import RedisError

from parley.discovery import Discovery
from parley.discovery.redis import connect
from parley.rpc.v1 import status_pb2
from parley.settings import OrchestratorSettings
from parley.speech.admin import WorkerAdmin
from parley.speech.channel import Channels
from parley.speech.configured import recognition_discovery, speech_discovery
from parley.tls import client_tls

TIMEOUT_S = 1.0


@dataclass(frozen=True)
class ProbeResult:
    """Whether a part answers; `error` says why not, None when it does or is not configured."""

    error: str | None = None

    @property
    def ok(self) -> bool:
        return self.error is None


@dataclass(frozen=True)
class Findings:
    """The checks by part, and what the healthy workers say of themselves."""

    checks: dict[str, ProbeResult]
    synthesis: tuple[status_pb2.WorkerStatus, ...] = ()
    recognition: tuple[status_pb2.WorkerStatus, ...] = ()


_Workers = tuple[ProbeResult, tuple[status_pb2.WorkerStatus, ...]]


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
            self._workers(WorkerAdmin(self._speakers, self._channels)),
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

    async def _recognition(self) -> _Workers:
        if not self.settings.asr.enabled:
            return ProbeResult(), ()
        return await self._workers(WorkerAdmin(self._listeners, self._channels, "recognition"))

    async def _workers(self, admin: WorkerAdmin) -> _Workers:
        """One healthy worker is enough."""
        answers = await admin.serving(timeout_s=TIMEOUT_S)
        if answers.given:
            return ProbeResult(), tuple(answers.given.values())
        return ProbeResult("; ".join(map(str, answers.failures.values())) or "none is known"), ()

    async def _http_ok(self, url: str, *, key: str = "") -> None:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        async with self._http.get(url, headers=headers) as response:
            if response.status != 200:
                raise _NotServingError(f"{url} answered {response.status}")

    async def _llm(self) -> None:
        url = self.settings.llm_url
        if self.settings.llm_is_local:
            await self._http_ok(f"{url.removesuffix('/v1')}/health")
        else:
            await self._http_ok(f"{url}/models", key=self.settings.llm.api_key.get_secret_value())

    async def _redis(self) -> None:
        if self.settings.redis.url:
            async with connect(self.settings.redis.url) as client:
                await client.ping()


class _NotServingError(Exception):
    """A part that answers, but not as one that serves."""


async def _limited(probe: Awaitable[None]) -> ProbeResult:
    try:
        async with asyncio.timeout(TIMEOUT_S):
            await probe
    except TimeoutError:
        return ProbeResult(f"did not answer within {TIMEOUT_S:.0f} s")
    except (OSError, aiohttp.ClientError, RedisError, _NotServingError) as error:
        return ProbeResult(str(error) or type(error).__name__)
    return ProbeResult()

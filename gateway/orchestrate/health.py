"""How the orchestrator is: everything that it stands on asked at once, each at most a second."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict

from dialogue.orchestration.elevenlabs import ElevenLabsVoices
from dialogue.orchestration.redis_desk import RedisDesk
from dialogue.retrieval.retriever import RetrievalError
from gateway.operations.checks import PartCheck
from gateway.orchestrate.service import OrchestratorService
from parley.errors import ParleyError
from parley.settings.registry import ADDRESSES
from parley.speech import SpeechPool
from parley.speech.balancing.picker import usable

PROBE_TIMEOUT_S = 1.0
FRESH_S = 1.0
"""What was found serves all who ask within this time."""

OPTIONAL = ("tts",)
"""Told, and no reason to be degraded: only clients that ask for audio need it."""

Status = Literal["healthy", "degraded", "unhealthy"]


class ComponentHealth(BaseModel):
    model_config = ConfigDict(frozen=True)

    status: Status
    error: str | None = None
    detail: str | None = None


class OrchestratorHealth(BaseModel):
    """`unhealthy`: nothing can be answered. `degraded`: something that is configured is away."""

    model_config = ConfigDict(frozen=True)

    status: Status
    active_sessions: int
    redis_connected: bool
    timestamp: str
    uptime_seconds: float
    services: dict[str, Status]
    components: dict[str, ComponentHealth]
    checks: dict[str, PartCheck]


Probe = Callable[[], Awaitable[PartCheck]]


class OrchestratorProbes:
    """`services` are other servers; `components` the parts of this one."""

    def __init__(self, service: OrchestratorService) -> None:
        self._service = service
        self._looking = asyncio.Lock()
        self._found: OrchestratorHealth | None = None
        self._found_at_s = 0.0

    async def health(self) -> OrchestratorHealth:
        """Asked once for all who want to know at the same time."""
        clock = self._service.clock
        async with self._looking:
            if self._found is None or clock() - self._found_at_s > FRESH_S:
                self._found = await self._look()
                self._found_at_s = clock()
            return self._found

    async def _look(self) -> OrchestratorHealth:
        service = self._service
        probes = {**self._of_services(), **self._of_components()}
        checked = await asyncio.gather(*(_within(probe) for probe in probes.values()))
        checks = dict(zip(probes, checked, strict=True))
        others = self._of_services()
        desk = service.desk
        on_redis = isinstance(desk, RedisDesk)
        models = [name for name in checks if name.startswith("model:")]
        no_model = not any(checks[name].ok for name in models)
        status: Status = "healthy"
        if no_model:
            status = "unhealthy"
        elif not all(check.ok for name, check in checks.items() if name not in OPTIONAL):
            status = "degraded"
        details = {"sessions": desk.kept_in, "breakers": service.breakers.kept_in}
        return OrchestratorHealth(
            status=status,
            active_sessions=await desk.held(),
            redis_connected=on_redis and checks["redis"].ok,
            timestamp=datetime.now(UTC).isoformat(),
            uptime_seconds=round(service.metrics.uptime_s, 3),
            services={
                "orchestrator": status,
                **{name: _status(checks[name]) for name in others},
            },
            components={
                name: ComponentHealth(
                    status=_status(check), error=check.error, detail=details.get(name)
                )
                for name, check in checks.items()
                if name not in others
            },
            checks=checks,
        )

    def _of_services(self) -> Mapping[str, Probe]:
        settings, service = self._service.settings, self._service
        probes: dict[str, Probe] = {}
        for name, url in self._model_addresses().items():
            probes[f"model:{name}"] = _of_model(service, name, url)
        addresses = {
            "intents": settings.intents.url,
            "rag": settings.retrieval.url,
            "stt": settings.orchestration.stt_service_url,
            **settings.services.addresses,
        }
        for name, url in addresses.items():
            if url:
                probes[name] = _of_address(url)
        if settings.redis.url and isinstance(service.desk, RedisDesk):
            probes["redis"] = self._redis
        if service.parts.speech is not None:
            probes["tts"] = self._tts
        return probes

    def _of_components(self) -> Mapping[str, Probe]:
        probes: dict[str, Probe] = {"sessions": self._sessions, "store": self._store}
        if self._service.knowledge.retriever is not None:
            probes["documents"] = self._documents
        probes["breakers"] = self._breakers
        return probes

    def _model_addresses(self) -> Mapping[str, str]:
        settings = self._service.settings
        found = {}
        for name in self._service.models.names:
            section = settings.models.providers.get(name)
            kind = (section.kind if section is not None else None) or name
            own = section.base_url if section is not None else ""
            if not own and kind == "local":
                own = settings.llm_url
            elif not own and kind == "ollama":
                own = settings.models.ollama_url
            found[name] = own or ADDRESSES.get(kind, "")
        return found

    async def _redis(self) -> PartCheck:
        ok = await self._service.desk.is_reachable()
        return PartCheck(ok=ok, error=None if ok else "does not answer")

    async def _sessions(self) -> PartCheck:
        kept_in = self._service.desk.kept_in
        ok = "away" not in kept_in
        return PartCheck(ok=ok, error=None if ok else f"kept in {kept_in}")

    async def _breakers(self) -> PartCheck:
        opened = [
            name
            for name, each in (await self._service.breakers.states()).items()
            if each.state == "open"
        ]
        return PartCheck(ok=not opened, error=f"open: {', '.join(opened)}" if opened else None)

    async def _store(self) -> PartCheck:
        try:
            await self._service.store.load("health-probe")
        except ParleyError as error:
            return PartCheck(ok=False, error=str(error))
        return PartCheck(ok=True)

    async def _documents(self) -> PartCheck:
        retriever = self._service.knowledge.retriever
        assert retriever is not None
        try:
            stats = await retriever.stats()
        except RetrievalError as error:
            return PartCheck(ok=False, error=str(error))
        return PartCheck(ok=stats.state != "empty", error=None)

    async def _tts(self) -> PartCheck:
        speech = self._service.parts.speech
        if isinstance(speech, ElevenLabsVoices):
            return await _listens(speech.base_url)
        known = usable(speech.scoreboard.candidates()) if isinstance(speech, SpeechPool) else []
        if not any(candidate.voices for candidate in known):
            return PartCheck(ok=False, error="no speech worker is ready: audio=1 has no voice")
        return PartCheck(ok=True)


async def _within(probe: Probe) -> PartCheck:
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            return await probe()
    except TimeoutError:
        return PartCheck(ok=False, error=f"no answer within {PROBE_TIMEOUT_S:g} s")
    except ParleyError as error:
        return PartCheck(ok=False, error=str(error))


def _of_model(service: OrchestratorService, name: str, url: str) -> Probe:
    """What is known from use; and whether anything listens there, which changes sooner."""

    async def probe() -> PartCheck:
        health = service.models.health[name]
        if health.healthy is False:
            return PartCheck(ok=False, error=health.error)
        return await _listens(url) if url else PartCheck(ok=True)

    return probe


def _of_address(url: str) -> Probe:
    async def probe() -> PartCheck:
        return await _listens(url)

    return probe


async def _listens(url: str) -> PartCheck:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        _, writer = await asyncio.open_connection(parts.hostname, port)
    except OSError as error:
        return PartCheck(ok=False, error=error.strerror or str(error))
    writer.close()
    return PartCheck(ok=True)


def _status(check: PartCheck) -> Status:
    return "healthy" if check.ok else "unhealthy"

"""The orchestrator's parts, opened from the settings and closed together."""

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from dialogue.approvals.opening import FILE as OPERATIONS_FILE
from dialogue.approvals.opening import open_approvals
from dialogue.approvals.store import ApprovalStore
from dialogue.breakers.breaker import Breakers
from dialogue.checkpoints.pipelines import Pipelines
from dialogue.checkpoints.sql import SqlCheckpoints
from dialogue.database import PoolSize, set_pool_size
from dialogue.experiments.experiments import Experiments
from dialogue.experiments.opening import open_experiments
from dialogue.limits.buckets import Buckets, LocalBuckets, RedisBuckets
from dialogue.orchestration.desk import SessionDesk
from dialogue.orchestration.elevenlabs import ElevenLabsVoices, VoiceSource
from dialogue.orchestration.memory_desk import MemoryDesk
from dialogue.orchestration.opening import Knowledge
from dialogue.orchestration.parts import TalkParts
from dialogue.orchestration.redis_desk import RedisDesk
from dialogue.orchestration.thinking import Grounds
from dialogue.providers.building import build_registry
from dialogue.providers.registry import ModelRegistry
from dialogue.resources import Resources
from dialogue.retention import forgetting_talks
from dialogue.services.opening import open_services
from dialogue.services.services import Services
from dialogue.sessions.opening import open_store
from dialogue.sessions.store import SessionStore
from dialogue.tools import ToolSource
from gateway.keys.opening import open_guard
from parley import paths
from parley.app.loading import load_app
from parley.app.mcp import McpServer
from parley.clock import Clock, monotonic
from parley.settings import OrchestratorSettings
from parley.settings.registry import ModelsSection
from parley.speech.configured import speech_pool
from parley.telemetry.breakers import BreakerMetrics
from parley.telemetry.models import ModelMetrics
from parley.telemetry.orchestrator import OrchestratorMetrics

_log = logging.getLogger(__name__)


class OrchestratorService:
    """Made before anything runs; `running` opens what talks stand on.

    Raises ConfigurationError for settings that cannot work.
    """

    def __init__(self, settings: OrchestratorSettings, *, clock: Clock = monotonic) -> None:
        settings = self.settings = settings.over_one_database()
        self.clock = clock
        database = settings.database
        set_pool_size(PoolSize(database.pool_size, database.max_overflow))
        self.metrics = OrchestratorMetrics(clock=clock)
        self.app = load_app(settings.orchestration.app, folder=paths.config_dir())
        redis_url = settings.sessions_redis_url
        self.breakers = Breakers(
            redis_url=redis_url, metrics=BreakerMetrics(self.metrics.registry), clock=clock
        )
        self.buckets: Buckets = RedisBuckets(redis_url) if redis_url else LocalBuckets(clock=clock)
        self.models: ModelRegistry = build_registry(
            settings,
            _models(settings),
            breakers=self.breakers,
            buckets=self.buckets,
            metrics=ModelMetrics(self.metrics.registry),
            clock=clock,
        )
        self.desk = _desk(settings)
        self.store: SessionStore = open_store(settings.sessions)
        self.knowledge = Knowledge.open(settings, self.breakers)
        self.services: Services | None = open_services(
            settings.services, breaker=lambda name: self.breakers.of(f"service:{name}")
        )
        self.approvals: ApprovalStore | None = open_approvals(settings.approvals)
        self.experiments: Experiments | None = open_experiments(settings.experiments)
        self.pipelines: Pipelines | None = _pipelines(settings)
        self.guard = open_guard(
            settings.security,
            environment=settings.telemetry.environment,
            buckets=self.buckets,
            redis_url=redis_url,
        )
        self._parts: TalkParts | None = None

    @property
    def parts(self) -> TalkParts:
        """While it runs."""
        assert self._parts is not None
        return self._parts

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Opens everything; what was opened is closed at the end, in turn."""
        settings = self.settings
        async with AsyncExitStack() as running:
            for part in (
                self.buckets,
                self.breakers,
                self.models,
                self.store,
                self.knowledge,
                self.guard,
            ):
                running.push_async_callback(part.aclose)
            for optional in (self.approvals, self.experiments, self.services):
                if optional is not None:
                    running.push_async_callback(optional.aclose)
            await running.enter_async_context(
                forgetting_talks(settings, self.store, self.approvals)
            )
            if isinstance(self.desk, RedisDesk):
                await running.enter_async_context(self.desk)
            await running.enter_async_context(self.models.running())
            if self.pipelines is not None:
                running.push_async_callback(self.pipelines.checkpoints.aclose)
                await running.enter_async_context(self.pipelines.running())
            if self.services is not None:
                self.services.start()
            speech = await self._voices(running)
            self._parts = TalkParts(
                app=self.app,
                app_name=settings.orchestration.app,
                desk=self.desk,
                store=self.store,
                resources=self._resources(),
                metrics=self.metrics,
                speech=speech,
                default_voice=settings.orchestration.tts_voice_id or settings.tts.default_model,
                voice_speed=settings.tts.speed,
                language=settings.asr.language,
                commit_after_s=settings.turn.commit_silence_s,
                tts_timeout_s=settings.orchestration.tts_timeout_ms / 1000,
                clock=self.clock,
            )
            yield

    async def _voices(self, running: AsyncExitStack) -> VoiceSource | None:
        own = self.settings.orchestration
        match own.tts_provider:
            case "local":
                return await running.enter_async_context(speech_pool(self.settings))
            case "elevenlabs":
                voices = ElevenLabsVoices(own.tts_base_url, own.tts_api_key.get_secret_value())
                running.push_async_callback(voices.aclose)
                return voices
            case "none":
                return None

    def _resources(self) -> Resources:
        settings = self.settings
        experiments = self.experiments
        return Resources(
            model=self.models.model(),
            instructions=settings.agent.instructions,
            default_examples=settings.llm_is_local and not settings.models.is_configured,
            approvals=self.approvals,
            approval_expires_s=settings.approvals.expires_s,
            overrides=experiments.overrides_for if experiments is not None else None,
            pipelines=self.pipelines,
            sources=_servers,
            services=self.services,
            thinking=self.knowledge.thinking(settings, on_grounds=self._grounds, clock=self.clock),
            clock=self.clock,
        )

    def _grounds(self, grounds: Grounds) -> None:
        for what, why in grounds.left_out.items():
            self.metrics.left(what, why)


def _servers(declared: Sequence[McpServer]) -> ToolSource:
    from dialogue.mcp import McpTools  # noqa: PLC0415 - its SDK takes half a second

    def problem(name: str, why: str) -> None:
        _log.warning("MCP server %s is away: %s", name, why)

    return McpTools(declared, on_problem=problem)


def _pipelines(settings: OrchestratorSettings) -> Pipelines | None:
    section = settings.checkpoints
    if not section.enabled:
        return None
    place = section.url.get_secret_value() or paths.state_dir() / OPERATIONS_FILE
    return Pipelines(SqlCheckpoints(place), lease_s=section.lease_s)


def _models(settings: OrchestratorSettings) -> ModelsSection:
    models = settings.models
    if settings.orchestration.error_handling:
        return models
    registry = models.registry.model_copy(update={"max_retries": 0})
    return models.model_copy(update={"registry": registry, "fallback": models.order[:1]})


def _desk(settings: OrchestratorSettings) -> SessionDesk:
    limit, ttl_s = settings.orchestration.max_concurrent_sessions, float(settings.cache.ttl)
    if url := settings.sessions_redis_url:
        return RedisDesk(url, ttl_s=ttl_s, limit=limit)
    return MemoryDesk(ttl_s=ttl_s, limit=limit)

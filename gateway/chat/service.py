"""What all chats of a process stand on; the app is loaded when it is first needed."""

import asyncio
import importlib
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry
from pydantic import BaseModel, ConfigDict, JsonValue

from gateway.chat.open_chats import OpenChats
from parley.app.agent import Agent
from parley.app.app_service import AppService
from parley.app.configured import load_configured
from parley.clock import Clock, monotonic
from parley.errors import ConfigurationError
from parley.settings import OrchestratorSettings
from parley.settings.values import without_credentials
from parley.telemetry.chat import ChatMetrics

STORE_WITHIN_S = 15.0
"""Of the store of sessions: who types waits longer than who speaks, and many come at once."""
OPENED_AT_ONCE = 16
"""Sessions: more would only wait for the store."""

if TYPE_CHECKING:
    import openai

    from dialogue.providers.registry import ModelRegistry
    from dialogue.sessions.store import SessionStore

_log = logging.getLogger(__name__)


class ChatHealth(BaseModel):
    """`status` is healthy or degraded; `app` what the app tells of itself."""

    model_config = ConfigDict(frozen=True)

    status: str
    uptime_seconds: float
    connections: int
    model: dict[str, JsonValue]
    app: dict[str, JsonValue]


class ChatService:
    """Use inside `running`. `load`: the agent that answers, by default that of the settings."""

    def __init__(
        self,
        settings: OrchestratorSettings,
        registry: CollectorRegistry,
        *,
        load: Callable[[], Agent] | None = None,
        clock: Clock = monotonic,
    ) -> None:
        self.settings = settings
        self.metrics = ChatMetrics(registry)
        self.chats = OpenChats()
        self.clock = clock
        self.client: openai.AsyncClient
        self.store: SessionStore
        self.models: ModelRegistry | None = None
        self._load = load or (lambda: load_configured(settings))
        self._opened: AsyncExitStack
        self._app: Agent | None = None
        self._app_service: AppService | None = None
        self._loading: asyncio.Lock
        self.opening: asyncio.Semaphore
        self._since_s = clock()

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Opens nothing by itself: a gateway that nobody chats with loads no engine."""
        async with AsyncExitStack() as opened:
            self._opened = opened
            self._loading = asyncio.Lock()
            self.opening = asyncio.Semaphore(OPENED_AT_ONCE)
            try:
                yield
            finally:
                self._app, self._app_service = None, None

    async def app(self) -> tuple[Agent, AppService | None]:
        """The agent, and its service running; from then on `client`, `store` and, where several are
        configured, `models` are there. Raises ConfigurationError where it cannot be loaded."""
        async with self._loading:
            if self._app is None:
                await self._open()
            assert self._app is not None
            return self._app, self._app_service

    async def _open(self) -> None:
        app = await asyncio.to_thread(self._load)
        async with AsyncExitStack() as opening:
            try:
                await asyncio.to_thread(importlib.import_module, "dialogue.opening")
                from dialogue.app_services import serving  # noqa: PLC0415 - of the extra `dialogue`
                from dialogue.model import build_client  # noqa: PLC0415
                from dialogue.retention import forgetting_talks  # noqa: PLC0415
                from dialogue.sessions.opening import open_store  # noqa: PLC0415
            except ModuleNotFoundError as error:
                raise ConfigurationError(
                    f"chats need the extra `dialogue`: there is no {error.name}"
                ) from error
            self.client = build_client(self.settings)
            opening.push_async_callback(self.client.close)
            if self.settings.models.is_configured:
                from dialogue.providers.opening import opened_models  # noqa: PLC0415

                self.models = await opening.enter_async_context(opened_models(self.settings))
            self.store = open_store(self.settings.sessions, timeout_s=STORE_WITHIN_S)
            opening.push_async_callback(self.store.aclose)
            await opening.enter_async_context(forgetting_talks(self.settings, self.store, None))
            self._app_service = await opening.enter_async_context(serving(app))
            self._opened.push_async_callback(opening.pop_all().aclose)
        self._app = app
        _log.info("chats are answered by %s", app.name)

    async def health(self) -> ChatHealth:
        """Of this process, its app, and who fills forms for it."""
        app, service = await self.app()
        told = dict(await service.health()) if service is not None else {}
        models = self.settings.models
        local = self.settings.llm_is_local and not models.is_configured
        return ChatHealth(
            status=str(told.get("status", "healthy")),
            uptime_seconds=round(self.clock() - self._since_s, 3),
            connections=self.chats.count,
            model={
                "asked": list(models.order),
                "at": without_credentials(self.settings.llm_url),
                "fills_forms": not local,
                "requirements": "rules: the local model is too small" if local else "model",
            },
            app={"name": app.name, **told},
        )

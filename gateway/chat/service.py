"""What all chats of a process stand on; the app is loaded when it is first needed."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import openai
from prometheus_client import CollectorRegistry
from pydantic import BaseModel, ConfigDict, JsonValue

from dialogue.app_services import serving
from dialogue.model import build_client
from dialogue.sessions.opening import open_store
from dialogue.sessions.store import SessionStore
from gateway.chat.open_chats import OpenChats
from parley.app.agent import Agent
from parley.app.app_service import AppService
from parley.app.configured import load_configured
from parley.clock import Clock, monotonic
from parley.settings import OrchestratorSettings
from parley.settings.values import without_credentials
from parley.telemetry.chat import ChatMetrics

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
        self._load = load or (lambda: load_configured(settings))
        self._opened: AsyncExitStack
        self._app: Agent | None = None
        self._app_service: AppService | None = None
        self._loading: asyncio.Lock
        self._since_s = clock()

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        async with AsyncExitStack() as opened:
            self._opened = opened
            self._loading = asyncio.Lock()
            self.client = build_client(self.settings)
            opened.push_async_callback(self.client.close)
            self.store = open_store(self.settings.sessions)
            opened.push_async_callback(self.store.aclose)
            try:
                yield
            finally:
                self._app, self._app_service = None, None

    async def app(self) -> tuple[Agent, AppService | None]:
        """The agent, and its service running. Raises ConfigurationError where it cannot be
        loaded."""
        async with self._loading:
            if self._app is None:
                app = await asyncio.to_thread(self._load)
                self._app_service = await self._opened.enter_async_context(serving(app))
                self._app = app
                _log.info("chats are answered by %s", app.name)
            return self._app, self._app_service

    async def health(self) -> ChatHealth:
        """Of this process, its app, and who fills forms for it."""
        app, service = await self.app()
        told = dict(await service.health()) if service is not None else {}
        local = self.settings.llm_is_local
        return ChatHealth(
            status=str(told.get("status", "healthy")),
            uptime_seconds=round(self.clock() - self._since_s, 3),
            connections=self.chats.count,
            model={
                "at": without_credentials(self.settings.llm_url),
                "name": self.settings.llm_model or "the only one that is served",
                "fills_forms": not local,
                "requirements": "rules: the local model is too small" if local else "model",
            },
            app={"name": app.name, **told},
        )

"""The providers of one conversation that has a process of its own, as a call has."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

from dialogue.breakers.breaker import Breakers
from dialogue.limits.buckets import open_buckets
from dialogue.providers.building import build_registry
from dialogue.providers.registry import ModelRegistry
from parley.settings import OrchestratorSettings


@asynccontextmanager
async def opened_models(settings: OrchestratorSettings) -> AsyncGenerator[ModelRegistry]:
    """Nobody is checked: how providers are doing shows in use, and over Redis in the breakers of
    all processes. Raises ConfigurationError."""
    redis_url = settings.sessions_redis_url
    async with AsyncExitStack() as opened:
        breakers, buckets = Breakers(redis_url=redis_url), open_buckets(redis_url)
        opened.push_async_callback(breakers.aclose)
        opened.push_async_callback(buckets.aclose)
        registry = build_registry(settings, settings.models, breakers=breakers, buckets=buckets)
        opened.push_async_callback(registry.aclose)
        yield registry

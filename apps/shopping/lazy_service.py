"""The app's service, loaded when it is first needed: an app is loaded by programs that only ask
what it is called."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING

from pydantic import JsonValue

from parley import Media
from parley.errors import ConfigurationError

if TYPE_CHECKING:
    from apps.shopping.service import ShoppingService


class LazyService:
    """See AppService."""

    def __init__(self) -> None:
        self._loaded: ShoppingService | None = None

    @property
    def loaded(self) -> "ShoppingService":
        """The service itself; raises ConfigurationError where LangGraph is not installed."""
        if self._loaded is None:
            try:
                from apps.shopping.service import ShoppingService  # noqa: PLC0415 - LangGraph
            except ModuleNotFoundError as error:
                raise ConfigurationError(
                    f"the shopping app needs the extra `shopping`: there is no {error.name}"
                ) from error
            self._loaded = ShoppingService()
        return self._loaded

    def running(self) -> AbstractAsyncContextManager[None]:
        """See AppService."""
        return self._running()

    @asynccontextmanager
    async def _running(self) -> AsyncGenerator[None]:
        service = await asyncio.to_thread(lambda: self.loaded)  # LangGraph takes a second
        async with service.running():
            yield

    async def health(self) -> Mapping[str, JsonValue]:
        """See AppService."""
        return await self.loaded.health()

    async def session_state(self, session_id: str) -> Mapping[str, JsonValue]:
        """See AppService."""
        return await self.loaded.session_state(session_id)

    async def take_media(self, data: bytes) -> Media:
        """See AppService."""
        return await self.loaded.take_media(data)

"""What all shopping sessions of a process stand on, opened and closed together."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import httpx2
from langchain_core.runnables import RunnableConfig
from pydantic import JsonValue

from apps.shopping.catalog.opening import FOLDER, open_marketplaces, public_catalogs
from apps.shopping.faults import ShoppingError
from apps.shopping.flow.graph import Graph, build_graph
from apps.shopping.flow.nodes import Nodes
from apps.shopping.media.checking import checked
from apps.shopping.media.keeping import MediaBucket, MediaFolder, MediaKeeping
from apps.shopping.media.reading import MediaReader
from apps.shopping.settings import ShoppingSettings, load_shopping
from apps.shopping.storage.checkpoints import StoredCheckpoints
from apps.shopping.storage.sqlite import SqliteRequestStore
from apps.shopping.storage.store import RequestStatus, RequestStore
from apps.shopping.understanding.builder import SpecBuilder
from parley import Media, MediaRefusedError, paths
from parley.retention import DAY_S, Purge, forgetting
from parley.settings import load_orchestrator

_CHECKED_WITHIN_S = 2.0


@dataclass(frozen=True)
class OpenShop:
    """What is open while the service runs."""

    settings: ShoppingSettings
    nodes: Nodes
    graph: Graph

    @property
    def store(self) -> RequestStore:
        return self.nodes.store


class ShoppingService:
    """See AppService. `settings`, and for how many days what people said is kept (0: forever), are
    read when it is opened."""

    def __init__(
        self,
        settings: Callable[[], ShoppingSettings] = load_shopping,
        keep_days: Callable[[], int] = lambda: load_orchestrator().sessions.keep_days,
    ) -> None:
        self._settings = settings
        self._keep_days = keep_days
        self._open: OpenShop | None = None

    @property
    def shop(self) -> OpenShop:
        """While it runs."""
        if self._open is None:
            raise RuntimeError("the shopping service is not running")
        return self._open

    def running(self) -> AbstractAsyncContextManager[None]:
        """See AppService."""
        return self._running()

    @asynccontextmanager
    async def _running(self) -> AsyncGenerator[None]:
        settings, keep_days = self._settings(), self._keep_days()
        async with AsyncExitStack() as opened:
            http = await opened.enter_async_context(httpx2.AsyncClient())
            store = open_request_store(settings, keep_days)
            opened.push_async_callback(store.aclose)
            keeping = open_media(settings)
            purges: dict[str, Purge] = {
                "requests": lambda before_s: store.purge(updated_before_s=before_s),
                "uploads": lambda before_s: keeping.purge(put_before_s=before_s),
            }
            await opened.enter_async_context(forgetting(purges, keep_days, failure=ShoppingError))
            markets = await open_marketplaces(
                settings.catalog_service_url, http, public_catalogs(settings, http)
            )
            opened.push_async_callback(markets.aclose)
            media = MediaReader(keeping, http, settings.media_service_url)
            opened.push_async_callback(media.aclose)
            nodes = Nodes(
                store=store,
                markets=markets,
                media=media,
                builder=SpecBuilder(await markets.vocabulary()),
                http=http,
                composer_url=settings.response_composer_url,
            )
            self._open = OpenShop(settings, nodes, build_graph(nodes, StoredCheckpoints(store)))
            try:
                yield
            finally:
                self._open = None

    async def health(self) -> Mapping[str, JsonValue]:
        """See AppService: each AWS service or its stand-in here, catalogues, and who reads."""
        nodes = self.shop.nodes
        store, media, catalogs = await asyncio.gather(
            _looked_at(nodes.store), _looked_at(nodes.media.keeping), nodes.markets.health()
        )
        parts = (store, media, *catalogs.values())
        degraded = any(part.startswith("unavailable") for part in parts)
        builder = nodes.builder
        told: dict[str, JsonValue] = {
            "status": "degraded" if degraded else "healthy",
            "dynamodb": store,
            "s3": media,
            "catalogs": dict(catalogs),
            "media": nodes.media.how,
            "composer": self.shop.settings.response_composer_url or "here",
            "requirements_by": dict(builder.filled),
        }
        if builder.last_failure:
            told["model_failure"] = builder.last_failure
        return told

    async def session_state(self, session_id: str) -> Mapping[str, JsonValue]:
        """See AppService: the latest request, as it is kept."""
        items = await self.shop.store.items(session_id, "request#", newest_first=True, limit=1)
        if not items:
            return {}
        latest = items[0]
        workflow_state = dict(latest.workflow_state)
        if latest.status is RequestStatus.PROCESSING:  # it is kept as it begins and as it ends
            config: RunnableConfig = {"configurable": {"thread_id": session_id}}
            values = (await self.shop.graph.aget_state(config)).values
            if values.get("request_id") == latest.request_id:
                workflow_state["stage"] = values.get("stage", workflow_state["stage"])
                workflow_state["requirement_spec"] = values.get("spec", {})
        return {
            "request_id": latest.request_id,
            "request_type": latest.request_type,
            "status": latest.status.value,
            "input_data": dict(latest.input_data),
            "workflow_state": workflow_state,
            "created_at": latest.created_at,
            "updated_at": latest.updated_at,
        }

    async def take_media(self, data: bytes) -> Media:
        """See AppService."""
        try:
            kind = await asyncio.to_thread(checked, data)
            key = await self.shop.nodes.media.keeping.put(data, kind)
        except ShoppingError as error:
            raise MediaRefusedError(error.message) from error
        return Media(kind.partition("/")[0], key, kind, len(data))


async def _looked_at(what: RequestStore | MediaKeeping) -> str:
    try:
        async with asyncio.timeout(_CHECKED_WITHIN_S):
            return await what.check()
    except ShoppingError as error:
        return f"unavailable: {error.message}"
    except TimeoutError:
        return "unavailable: no answer"


def open_request_store(settings: ShoppingSettings, keep_days: int = 0) -> RequestStore:
    """DynamoDB where a table is named, else an SQLite file, which has to be purged. Raises
    ShoppingError."""
    if settings.dynamodb_table_name:
        from apps.shopping.storage.dynamodb import DynamoDbRequestStore  # noqa: PLC0415 - boto3

        table, keep_s = settings.dynamodb_table_name, keep_days * DAY_S or None
        return DynamoDbRequestStore(table, settings.aws_region, keep_s=keep_s)
    return SqliteRequestStore(paths.state_dir() / FOLDER / "requests.db")


def open_media(settings: ShoppingSettings) -> MediaKeeping:
    """S3 where a bucket is named, else a folder. Raises ShoppingError."""
    if settings.media_bucket:
        from apps.shopping.storage.dynamodb import client  # noqa: PLC0415 - boto3

        return MediaBucket(client("s3", settings.aws_region), settings.media_bucket)
    return MediaFolder(paths.state_dir() / FOLDER / "media")

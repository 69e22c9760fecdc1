"""All services of a process: their descriptions read, kept current, and offered as tools."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urljoin

from dialogue.services.document import ApiDocument, parse_document
from dialogue.services.pool import CallGuard, ConnectionStats, ServicePool
from dialogue.services.schema import ServiceDocumentError
from dialogue.services.tool import ServiceTool
from dialogue.tools import CallableTool
from parley.errors import ParleyError

FIRST_RETRY_S = 1.0
LONGEST_RETRY_S = 30.0
READ_AGAIN_S = 300.0
"""After which a description is read again: a service may have learned something."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class ServiceSpec:
    """`url`: of the service, whose document is openapi.json under it, or of the document itself
    (it ends with .json, .yaml or .yml). `token` goes with every request as a bearer's."""

    name: str
    url: str
    token: str = ""
    timeout_s: float = 10.0

    @property
    def document_url(self) -> str:
        if self.url.endswith((".json", ".yaml", ".yml")):
            return self.url
        return urljoin(self.url.rstrip("/") + "/", "openapi.json")


class Services:
    """Reads the descriptions in the background, as long as it takes; `aclose` ends it.

    `breaker` gives each service its circuit breaker by name; None: there are none. Belongs to
    one event loop.
    """

    def __init__(
        self,
        specs: Sequence[ServiceSpec],
        *,
        breaker: Callable[[str], CallGuard] | None = None,
        read_again_s: float = READ_AGAIN_S,
    ) -> None:
        self._services = [
            _Service(spec, breaker(spec.name) if breaker else None, read_again_s) for spec in specs
        ]
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begins to read the descriptions; needs a running event loop. Again: does nothing."""
        if not self._tasks:
            self._tasks = [
                asyncio.create_task(service.run(), name=f"service {service.name}")
                for service in self._services
            ]

    async def ready(self, timeout_s: float) -> bool:
        """Whether each was read, or found to be away, within that time."""
        tried = [asyncio.create_task(service.tried.wait()) for service in self._services]
        if not tried:
            return True
        try:
            _, pending = await asyncio.wait(tried, timeout=timeout_s)
            return not pending
        finally:
            for waiting in tried:
                waiting.cancel()

    def tools(self) -> Sequence[CallableTool]:
        """Of all services that were ever read; a tool whose service is away says so."""
        return [tool for service in self._services for tool in service.tools]

    @property
    def problems(self) -> Mapping[str, str]:
        """By service: why its description could not be read the last time; "" where it could."""
        return {service.name: service.problem for service in self._services}

    @property
    def connection_stats(self) -> Mapping[str, ConnectionStats]:
        return {service.name: service.pool.stats for service in self._services}

    @property
    def tool_counts(self) -> Mapping[str, int]:
        """By service: how many tools it offers."""
        return {service.name: len(service.tools) for service in self._services}

    def of_session(self) -> "SessionServices":
        """For an agent of one session, which starts and closes what it is given."""
        return SessionServices(self)

    async def aclose(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        for service in self._services:
            await service.pool.aclose()


@dataclass(frozen=True)
class SessionServices:
    """A `dialogue.tools.ToolSource` over services that outlive the session."""

    services: Services

    def start(self) -> None:
        self.services.start()

    async def ready(self, timeout_s: float) -> bool:
        return await self.services.ready(timeout_s)

    def tools(self) -> Sequence[CallableTool]:
        return self.services.tools()

    async def aclose(self) -> None:
        """The services stay."""


class _Service:
    def __init__(self, spec: ServiceSpec, breaker: CallGuard | None, read_again_s: float) -> None:
        self.name = spec.name
        self.tools: Sequence[ServiceTool] = ()
        self.problem = "it has not been read yet"
        self.tried = asyncio.Event()
        self._spec = spec
        self._read_again_s = read_again_s
        self.pool = ServicePool(
            spec.name,
            urljoin(spec.document_url, "."),
            timeout_s=spec.timeout_s,
            headers={"Authorization": f"Bearer {spec.token}"} if spec.token else None,
            breaker=breaker,
        )

    async def run(self) -> None:
        retry_s = FIRST_RETRY_S
        while True:
            try:
                document = await self._read()
            except Exception as error:
                self._not_read(error)
                pause_s, retry_s = retry_s, min(2 * retry_s, LONGEST_RETRY_S)
            else:
                self._take(document)
                pause_s, retry_s = self._read_again_s, FIRST_RETRY_S
            self.tried.set()
            await asyncio.sleep(pause_s)

    def _not_read(self, error: Exception) -> None:
        """What no document should come to is a fault of ours, and said with its place."""
        if str(error) != self.problem:
            fault = None if isinstance(error, ParleyError) else error
            _log.warning("service %s cannot be read: %s", self.name, error, exc_info=fault)
        self.problem = str(error) or type(error).__name__

    async def _read(self) -> ApiDocument:
        url = self._spec.document_url
        answer = await self.pool.ask("GET", url, headers={"Accept": "application/json"})
        if answer.status != 200:
            raise ServiceDocumentError(f"{url} answers with status {answer.status}")
        return await asyncio.to_thread(
            parse_document, answer.body, service=self._spec.name, url=url
        )

    def _take(self, document: ApiDocument) -> None:
        if self.problem:
            _log.info(
                "service %s (%s): %d operations",
                self.name,
                document.title[:80],
                len(document.operations),
            )
        self.problem = ""
        self.pool.address = document.address
        if [tool.operation for tool in self.tools] == list(document.operations):
            return  # the same tools, so that prompts which have been read stay so
        self.tools = tuple(
            ServiceTool(operation=each, pool=self.pool, timeout_s=self._spec.timeout_s + 1.0)
            for each in document.operations
        )

"""Passages found by a service elsewhere, which has the interface of our own POST /api/v1/query."""

import json
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, ValidationError

from dialogue.retrieval.retriever import DEFAULT_LIMIT, Passage, RetrievalError, RetrievalStats
from dialogue.services.pool import CallGuard, ServicePool
from parley.errors import ParleyError

PATH = "/api/v1/query"


class _Passage(BaseModel):
    model_config = ConfigDict(extra="ignore")

    text: str
    source: str = ""
    score: float = 0.0


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore")

    passages: list[_Passage]


class RemoteRetriever:
    """Asks `url`; a path /api/v1/query is added where it does not end so."""

    def __init__(
        self, url: str, *, timeout_s: float = 2.0, breaker: CallGuard | None = None
    ) -> None:
        address = url.rstrip("/")
        self._url = address if address.endswith("/query") else address + PATH
        self._pool = ServicePool("retrieval", self._url, timeout_s=timeout_s, breaker=breaker)
        self._queries = 0

    async def query(self, text: str, limit: int = DEFAULT_LIMIT) -> Sequence[Passage]:
        self._queries += 1
        body = json.dumps({"query": text, "limit": limit}).encode()
        try:
            answer = await self._pool.ask("POST", self._url, body=body)
        except ParleyError as error:
            raise RetrievalError(str(error)) from error
        if answer.status != 200:
            raise RetrievalError(f"the service of retrieval refuses with status {answer.status}")
        try:
            told = _Answer.model_validate_json(answer.body)
        except ValidationError as error:
            where = ".".join(map(str, error.errors()[0]["loc"])) or "all of it"
            raise RetrievalError(f"the service of retrieval answers nonsense: {where}") from None
        return [Passage(each.text, each.source, each.score) for each in told.passages[:limit]]

    async def stats(self) -> RetrievalStats:
        return RetrievalStats("remote", queries=self._queries)

    async def aclose(self) -> None:
        await self._pool.aclose()

"""The API of intents, documents and services' connections."""

from collections.abc import Sequence

import httpx
from fastapi import FastAPI

from dialogue.intents.catalog import DeclaredIntent, IntentCatalog
from dialogue.intents.local import LocalClassifier
from dialogue.retrieval.retriever import Passage, RetrievalError, RetrievalStats
from gateway.errors import install_error_handlers
from gateway.knowledge.connection_routes import connection_routes
from gateway.knowledge.routes import routes


class _Away:
    async def query(self, text: str, limit: int = 4) -> Sequence[Passage]:
        if text == "refunds":
            return [Passage("Money is paid.", "returns.md", 0.5)][:limit]
        raise RetrievalError("the index is away")

    async def stats(self) -> RetrievalStats:
        return RetrievalStats("ready", documents=1, passages=2, queries=3)

    async def aclose(self) -> None: ...


def client(*, whole: bool = True) -> httpx.AsyncClient:
    app = FastAPI()
    install_error_handlers(app)
    order = DeclaredIntent(examples=("where is my order", "track my parcel"))
    hours = DeclaredIntent(examples=("when do you open",))
    catalog = IntentCatalog(intents={"order": order, "hours": hours})
    app.include_router(routes(LocalClassifier(catalog), _Away()) if whole else routes(None, None))
    app.include_router(connection_routes(None))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://gateway")


async def test_classify_answers_intent_confidence_and_alternatives() -> None:
    async with client() as gateway:
        answer = await gateway.post("/api/v1/classify", json={"text": "where is my order"})
        assert answer.status_code == 200
        told = answer.json()
        assert list(told) == ["intent", "confidence", "alternatives"]
        assert told["intent"] == "order"
        assert [list(each) for each in told["alternatives"]] == [["intent", "confidence"]]
        none = (await gateway.post("/api/v1/classify", json={"text": "mitochondria"})).json()
        assert none["intent"] == "out_of_scope"


async def test_query_answers_passages_with_their_source() -> None:
    async with client() as gateway:
        answer = await gateway.post("/api/v1/query", json={"query": "refunds"})
        assert answer.json() == {
            "passages": [{"text": "Money is paid.", "source": "returns.md", "score": 0.5}]
        }
        stats = (await gateway.get("/rag/stats")).json()
        assert (stats["state"], stats["documents"], stats["passages"]) == ("ready", 1, 2)


async def test_what_is_away_is_a_503_with_when_to_ask_again_and_what_is_wrong_a_422() -> None:
    async with client() as gateway:
        away = await gateway.post("/api/v1/query", json={"query": "other"})
        assert away.status_code == 503
        assert away.headers["Retry-After"] == "5"
        assert away.json()["error"]["code"] == "retrieval_unavailable"
        for path, body in (
            ("/api/v1/query", {"query": " "}),
            ("/api/v1/query", {"query": "x", "limit": 0}),
            ("/api/v1/classify", {}),
            ("/api/v1/classify", {"text": "x" * 4001}),
        ):
            assert (await gateway.post(path, json=body)).status_code == 422, path


async def test_what_is_not_configured_has_no_route() -> None:
    async with client(whole=False) as gateway:
        assert (await gateway.post("/api/v1/classify", json={"text": "x"})).status_code == 404
        assert (await gateway.get("/rag/stats")).status_code == 404
        assert (await gateway.get("/connection-stats")).json() == {"pools": {}}

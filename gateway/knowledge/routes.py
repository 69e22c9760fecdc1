"""The API of intents and documents: /api/v1/classify, /api/v1/query, /rag/stats."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from dialogue.intents.classifier import IntentClassifier, IntentError
from dialogue.retrieval.retriever import DEFAULT_LIMIT, RetrievalError, Retriever
from gateway.errors import ApiError

LONGEST_CHARACTERS = 4000
RETRY_AFTER_S = 5

_Said = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_CHARACTERS)
]


class ClassifyRequest(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"text": "Where is my order?"}]})

    text: _Said


class IntentAlternative(BaseModel):
    intent: str
    confidence: float


class ClassifyAnswer(BaseModel):
    """`intent` is out_of_scope where it is none of them; then the alternatives begin with the
    nearest."""

    intent: str
    confidence: float
    alternatives: list[IntentAlternative]


class QueryRequest(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"query": "Can I return shoes?"}]})

    query: _Said
    limit: int = Field(DEFAULT_LIMIT, ge=1, le=20)


class FoundPassage(BaseModel):
    text: str
    source: str
    score: float


class QueryAnswer(BaseModel):
    passages: list[FoundPassage]


class RagStats(BaseModel):
    """`state`: empty, building, ready or remote. `built_at_s`: Unix time."""

    state: str
    documents: int
    passages: int
    built_at_s: float | None
    build_s: float | None
    queries: int
    embeddings: str


def routes(classifier: IntentClassifier | None, retriever: Retriever | None) -> APIRouter:
    """Those of what there is: what is None has no route."""
    router = APIRouter(tags=["knowledge"])
    if classifier is not None:
        _add_intents(router, classifier)
    if retriever is not None:
        _add_retrieval(router, retriever)
    return router


def _add_intents(router: APIRouter, classifier: IntentClassifier) -> None:
    @router.post("/api/v1/classify")
    async def classify(request: ClassifyRequest) -> ClassifyAnswer:
        """Which of the intents a text is of."""
        try:
            intent = await classifier.classify(request.text)
        except IntentError as error:
            raise _away("intents_unavailable", error) from error
        return ClassifyAnswer(
            intent=intent.name,
            confidence=intent.confidence,
            alternatives=[
                IntentAlternative(intent=each.name, confidence=each.confidence)
                for each in intent.alternatives
            ],
        )


def _add_retrieval(router: APIRouter, retriever: Retriever) -> None:
    @router.post("/api/v1/query")
    async def query(request: QueryRequest) -> QueryAnswer:
        """The passages of the documents that fit best; waits for an index that is being made."""
        try:
            passages = await retriever.query(request.query, request.limit)
        except RetrievalError as error:
            raise _away("retrieval_unavailable", error) from error
        return QueryAnswer(
            passages=[
                FoundPassage(text=each.text, source=each.source, score=each.score)
                for each in passages
            ]
        )

    @router.get("/rag/stats")
    async def stats() -> RagStats:
        """What is indexed, and how many queries this process was asked."""
        try:
            found = await retriever.stats()
        except RetrievalError as error:
            raise _away("retrieval_unavailable", error) from error
        return RagStats(
            state=found.state,
            documents=found.documents,
            passages=found.passages,
            built_at_s=found.built_at_s,
            build_s=found.build_s,
            queries=found.queries,
            embeddings=found.embeddings,
        )


def _away(code: str, error: Exception) -> ApiError:
    return ApiError(HTTPStatus.SERVICE_UNAVAILABLE, code, str(error), retry_after_s=RETRY_AFTER_S)

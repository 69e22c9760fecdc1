"""Intents told by a service elsewhere, which has the interface of our own POST /api/v1/classify."""

import json
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dialogue.intents.classifier import OUT_OF_SCOPE, Intent, IntentError, RankedIntent
from dialogue.services.pool import CallGuard, ServicePool
from parley.errors import ParleyError

PATH = "/api/v1/classify"


class _Alternative(BaseModel):
    model_config = ConfigDict(extra="ignore")

    intent: str
    confidence: float = Field(0.0, ge=0.0, le=1.0)


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore")

    intent: str | None
    confidence: float = Field(ge=0.0, le=1.0)
    alternatives: list[_Alternative] = []


class RemoteClassifier:
    """Asks `url`; a path /api/v1/classify is added where it does not end so."""

    def __init__(
        self, url: str, *, timeout_s: float = 2.0, breaker: CallGuard | None = None
    ) -> None:
        address = url.rstrip("/")
        self._url = address if address.endswith("/classify") else address + PATH
        self._pool = ServicePool("intents", self._url, timeout_s=timeout_s, breaker=breaker)

    async def classify(self, text: str) -> Intent:
        try:
            answer = await self._pool.ask(
                "POST", self._url, body=json.dumps({"text": text}).encode()
            )
        except ParleyError as error:
            raise IntentError(str(error)) from error
        if answer.status != 200:
            raise IntentError(f"the service of intents refuses with status {answer.status}")
        try:
            told = _Answer.model_validate_json(answer.body)
        except ValidationError as error:
            raise IntentError(f"the service of intents answers nonsense: {_where(error)}") from None
        return Intent(
            told.intent or OUT_OF_SCOPE,
            told.confidence,
            tuple(RankedIntent(each.intent, each.confidence) for each in told.alternatives),
        )

    async def aclose(self) -> None:
        await self._pool.aclose()


def _where(error: ValidationError) -> str:
    problem: Any = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, problem['loc'])) or 'all of it'}: {problem['msg']}"

"""What operators see of breakers and of the configuration: everything but secrets."""

import json
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr

from parley.settings.orchestrator import LlmSection, OrchestratorSettings, SessionsSection
from parley.settings.redaction import MASK, redacted
from parley.settings.redis import RedisSection
from parley.settings.registry import ModelsSection, ProviderSection
from parley.settings.source import Masked, fields
from tests.gateway.keys.conftest import GuardedApp, Made

CANARY = "sk-canary-that-nobody-is-shown"


async def test_a_breaker_that_opened_is_seen_and_reset(app: GuardedApp) -> None:
    key = (await app.new_key()).text
    assert await app.get("/circuit-breakers", key) == (
        200,
        {"circuit_breakers": {}, "kept_in": "memory"},
        "",
    )
    with pytest.raises(ConnectionError):
        async with app.breakers.of("model:groq").guard():
            raise ConnectionError
    _, body, _ = await app.get("/circuit-breakers", key)
    assert body["circuit_breakers"] == {
        "model:groq": {
            "name": "model:groq",
            "state": "open",
            "failures": 0,
            "calls": 0,
            "retry_after_seconds": 10.0,
        }
    }
    status, told = await app.post("/circuit-breakers/model:groq/reset", key)
    assert (status, told["state"]) == (200, "closed")
    async with app.breakers.of("model:groq").guard():
        pass


async def test_a_breaker_that_nobody_knows_cannot_be_reset(app: GuardedApp) -> None:
    status, body = await app.post("/circuit-breakers/nonsense/reset", (await app.new_key()).text)
    assert (status, body["error"]["code"]) == (404, "unknown_breaker")  # type: ignore[index]


class TestWithSecrets:
    @pytest.fixture
    def made(self) -> Made:
        return Made(
            settings=OrchestratorSettings(
                llm=LlmSection(base_url="https://a:b@llm.example.org/v1?k=x", api_key=_secret()),
                redis=RedisSection(url=f"redis://:{CANARY}@redis.example.org:6379/0"),
                sessions=SessionsSection(url=_secret()),
            )
        )

    async def test_the_configuration_is_told_without_them(self, app: GuardedApp) -> None:
        status, body, _ = await app.get("/config", (await app.new_key()).text)
        assert status == 200
        assert CANARY not in json.dumps(body)
        shown: Any = body
        assert shown["llm"]["api_key"] == MASK
        assert shown["llm"]["base_url"] == f"https://{MASK}@llm.example.org/v1?{MASK}"
        assert shown["redis"]["url"] == f"redis://{MASK}@redis.example.org:6379/0"
        assert shown["webhooks"]["secret"] == "", "that it is not set may be seen"
        assert shown["server"]["port"] == 8080


def test_no_secret_of_any_setting_is_shown() -> None:
    """A secret in every field that can hold one, in the whole document."""
    written: dict[str, Any] = {}
    secret_fields = 0
    for path, field in fields(OrchestratorSettings):
        if field.annotation is SecretStr:
            _put(written, path, SecretStr(CANARY))
        elif any(isinstance(mark, Masked) for mark in field.metadata) and field.annotation is str:
            _put(written, path, f"redis://user:{CANARY}@host:6379/0")
        else:
            continue
        secret_fields += 1
    assert secret_fields >= 8
    assert CANARY not in json.dumps(redacted(_constructed(OrchestratorSettings, written)))


def test_keys_of_providers_are_not_shown() -> None:
    models = ModelsSection(
        api_key=_secret(), providers={"groq": ProviderSection(api_key=_secret(), models=("a",))}
    )
    shown = redacted(models)
    assert CANARY not in json.dumps(shown)
    assert shown["providers"]["groq"]["models"] == ["a"]
    assert shown["providers"]["groq"]["api_key"] == MASK


def _secret() -> SecretStr:
    return SecretStr(CANARY)


def _put(values: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for key in path[:-1]:
        values = values.setdefault(key, {})
    values[path[-1]] = value


def _constructed(model: type[BaseModel], values: dict[str, Any]) -> BaseModel:
    """With these values as they are: what a secret looks like is not checked here."""
    filled = {
        name: _constructed(kind, values[name])
        if isinstance(kind := field.annotation, type) and issubclass(kind, BaseModel)
        else values[name]
        for name, field in model.model_fields.items()
        if name in values
    }
    return model.model_construct(**filled)

"""The providers that the settings name, and the registry of them."""

from collections.abc import Awaitable, Callable
from typing import get_args

import openai

from dialogue.breakers.breaker import Breakers
from dialogue.limits.buckets import Buckets
from dialogue.model import OpenAIModel, build_client
from dialogue.providers.anthropic import AnthropicModel
from dialogue.providers.bedrock import BedrockModel
from dialogue.providers.http_request import ProviderHttp, new_client
from dialogue.providers.provider import BREAKER_PREFIX, Provider
from dialogue.providers.provider_model import ProviderModel
from dialogue.providers.registry import ModelRegistry
from dialogue.providers.sigv4 import AwsCredentials
from parley.clock import Clock, monotonic
from parley.errors import ConfigurationError
from parley.settings import OrchestratorSettings
from parley.settings.orchestrator import OPENAI_MODEL
from parley.settings.registry import (
    ADDRESSES,
    KINDS,
    AwsSection,
    ModelsSection,
    ProviderKind,
    ProviderSection,
)
from parley.telemetry.models import ModelMetrics

TELL_USAGE = frozenset({"groq", "gemini", "ollama"})
"""Kinds that tell the usage of a stream when they are asked for it, as OpenAI does."""

_Built = tuple[ProviderModel, Callable[[], Awaitable[None]]]


def build_registry(
    settings: OrchestratorSettings,
    models: ModelsSection,
    *,
    breakers: Breakers,
    buckets: Buckets,
    metrics: ModelMetrics | None = None,
    clock: Clock = monotonic,
) -> ModelRegistry:
    """Needs no running event loop. Raises ConfigurationError for a provider that cannot be asked.

    `breakers` and `buckets` stay whoever's they are; the registry closes its connections.
    """
    providers = []
    for place, name in enumerate(models.order):
        section = _section(models, name, is_first=place == 0)
        names = section.models or _usual_names(settings, section, is_first=place == 0)
        model, aclose = _build(settings, models, name, section, names[0] if names else "")
        providers.append(
            Provider(
                name=name,
                model=model,
                breaker=breakers.of(f"{BREAKER_PREFIX}{name}"),
                buckets=buckets,
                models=names,
                per_minute=section.rate_limit,
                metrics=metrics,
                clock=clock,
                aclose=aclose,
            )
        )
    return ModelRegistry(
        providers,
        timeout_s=models.timeout_ms / 1000,
        max_retries=models.registry.max_retries,
        check_every_s=float(models.registry.health_check_interval),
        clock=clock,
    )


def _section(models: ModelsSection, name: str, *, is_first: bool) -> ProviderSection:
    """With its kind, and the key of the default provider where it has none of its own."""
    section = models.providers.get(name)
    if section is None:
        if name not in KINDS:
            raise ConfigurationError(
                f"models.providers has no {name!r}, which models.default_provider (LLM_PROVIDER) "
                f"or models.fallback names: add it there, or name one of {', '.join(KINDS)}"
            )
        section = ProviderSection()
    kind: ProviderKind = section.kind or ("openai" if name not in KINDS else _kind(name))
    own_key = section.api_key.get_secret_value() or not is_first
    key = section.api_key if own_key else models.api_key
    return section.model_copy(update={"kind": kind, "api_key": key})


def _kind(name: str) -> ProviderKind:
    return next(kind for kind in get_args(ProviderKind) if kind == name)


def _usual_names(
    settings: OrchestratorSettings, section: ProviderSection, *, is_first: bool
) -> tuple[str, ...]:
    """What is asked for where a provider lists no models."""
    if section.kind == "local":
        return (settings.llm_model,) if settings.llm_model else ()
    if is_first and settings.llm.model:
        return (settings.llm.model,)
    if section.kind == "bedrock" and settings.models.bedrock_model_id:
        return (settings.models.bedrock_model_id,)
    at_openai = section.kind == "openai" and not section.base_url
    return (OPENAI_MODEL,) if at_openai else ()


def _build(
    settings: OrchestratorSettings,
    models: ModelsSection,
    name: str,
    section: ProviderSection,
    model: str,
) -> _Built:
    if section.kind in ("anthropic", "bedrock") and not model:
        raise ConfigurationError(
            f"models.providers.{name}.models is empty: name a model there, or in LLM_MODEL"
        )
    temperature = settings.llm.temperature if section.send_temperature else None
    if section.kind == "local":
        client = build_client(settings)
        at_openai = settings.llm_is_at_openai
    elif section.kind == "anthropic":
        return _anthropic(settings, name, section, model, temperature)
    elif section.kind == "bedrock":
        return _bedrock(settings, models.aws, name, section, model, temperature)
    else:
        client = _client(settings, models, name, section)
        at_openai = section.kind == "openai" and not section.base_url
    return (
        OpenAIModel(
            client=client,
            name=model,
            temperature=temperature,
            max_tokens=settings.llm.max_tokens,
            at_openai=at_openai,
            asks_for_usage=section.kind in TELL_USAGE,
        ),
        client.close,
    )


def _client(
    settings: OrchestratorSettings, models: ModelsSection, name: str, section: ProviderSection
) -> openai.AsyncClient:
    at = section.base_url or ADDRESSES.get(str(section.kind), "")
    if section.kind == "ollama":
        at = section.base_url or f"{models.ollama_url.rstrip('/')}/v1"
    if section.kind in ADDRESSES and not section.base_url:
        _require_key(name, section)
    asked = settings.llm.model_copy(update={"base_url": at, "api_key": section.api_key})
    return build_client(settings.model_copy(update={"llm": asked}))


def _anthropic(
    settings: OrchestratorSettings,
    name: str,
    section: ProviderSection,
    model: str,
    temperature: float | None,
) -> _Built:
    key = _require_key(name, section)
    client = new_client()
    http = ProviderHttp(
        client=client,
        at=(section.base_url or ADDRESSES["anthropic"]).rstrip("/"),
        secrets=(key,),
        key_is=f"key of {name}",
    )
    built = AnthropicModel(
        http=http,
        key=key,
        name=model,
        temperature=temperature,
        max_tokens=settings.llm.max_tokens,
    )
    return built, client.aclose


def _bedrock(
    settings: OrchestratorSettings,
    aws: AwsSection,
    name: str,
    section: ProviderSection,
    model: str,
    temperature: float | None,
) -> _Built:
    key, secret = section.api_key.get_secret_value(), aws.secret_access_key.get_secret_value()
    credentials: str | AwsCredentials = key
    if not key:
        if not (aws.access_key_id and secret):
            raise ConfigurationError(
                f"models.providers.{name} has no api_key, and models.aws no access_key_id and "
                "secret_access_key (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY)"
            )
        token = aws.session_token.get_secret_value()
        credentials = AwsCredentials(aws.access_key_id, secret, token)
    at = section.base_url or f"https://bedrock-runtime.{aws.region}.amazonaws.com"
    client = new_client()
    http = ProviderHttp(
        client=client,
        at=at.rstrip("/"),
        secrets=tuple(filter(None, (key, secret, aws.session_token.get_secret_value()))),
        key_is=f"key of {name}",
    )
    built = BedrockModel(
        http=http,
        credentials=credentials,
        region=aws.region,
        name=model,
        temperature=temperature,
        max_tokens=settings.llm.max_tokens,
    )
    return built, client.aclose


def _require_key(name: str, section: ProviderSection) -> str:
    key = section.api_key.get_secret_value()
    if not key:
        raise ConfigurationError(
            f"models.providers.{name} has no api_key: set it there, or LLM_API_KEY for the default "
            "provider"
        )
    return key

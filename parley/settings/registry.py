"""Settings of the providers of language models: who is asked, in which order, and how often."""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr

from parley.settings.source import Env, Masked, Section
from parley.settings.values import ApiKey, AppName, HttpAddress

ProviderKind = Literal["groq", "gemini", "openai", "anthropic", "bedrock", "ollama", "local"]
KINDS: tuple[ProviderKind, ...] = (
    "groq",
    "gemini",
    "openai",
    "anthropic",
    "bedrock",
    "ollama",
    "local",
)
ADDRESSES: Mapping[str, str] = MappingProxyType(
    {
        "groq": "https://api.groq.com/openai/v1",
        "gemini": "https://generativelanguage.googleapis.com/v1beta/openai",
        "openai": "https://api.openai.com/v1",
        "anthropic": "https://api.anthropic.com",
    }
)
"""Of the services that have one address for everybody."""


def _from_json(value: Any) -> Any:
    """A variable of the environment holds the mapping as JSON."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except ValueError:
        raise ValueError('expected JSON such as {"groq": {"api_key": "…"}}') from None


class ProviderSection(Section):
    """One provider, under models.providers.NAME."""

    kind: ProviderKind | None = Field(
        None,
        description="what it speaks; not given: NAME where that is one of them, else openai, "
        "which most servers speak",
    )
    api_key: ApiKey = Field(SecretStr(""), description="of its API")
    base_url: HttpAddress = Field(
        "", description="its address; empty: the one of the kind, where it has one"
    )
    models: tuple[str, ...] = Field(
        (),
        description="the names of its models; the first is asked for where nothing else is. "
        "Empty: LLM_MODEL, or the only one that the server offers",
    )
    rate_limit: int = Field(0, ge=0, description="requests per minute we make; 0: no limit of ours")
    send_temperature: bool = Field(
        True, description="false: for models that refuse to be told a temperature"
    )


class RegistrySection(Section):
    health_check_interval: int = Field(
        300, ge=1, description="seconds after which a provider is checked that was not used"
    )
    max_retries: int = Field(
        3,
        ge=0,
        description="how often the providers are asked again, after a pause that doubles, while "
        "nothing of an answer was sent on",
    )


class AwsSection(Section):
    """Access to Bedrock, where the provider has no api_key."""

    region: Annotated[str, Env("AWS_REGION")] = Field(
        "us-east-1", min_length=1, description="of Bedrock"
    )
    access_key_id: Annotated[str, Env("AWS_ACCESS_KEY_ID")] = Field(
        "", description="of the key that signs requests to Bedrock"
    )
    secret_access_key: Annotated[SecretStr, Env("AWS_SECRET_ACCESS_KEY")] = Field(
        SecretStr(""), description="of that key"
    )
    session_token: Annotated[SecretStr, Env("AWS_SESSION_TOKEN")] = Field(
        SecretStr(""), description="of a key that is temporary"
    )


class ModelsSection(Section):
    """Several providers of language models; one that fails is followed by the next."""

    default_provider: Annotated[AppName | Literal[""], Env("LLM_PROVIDER")] = Field(
        "",
        description="asked first: groq, gemini, openai, anthropic, bedrock, ollama, local (the "
        "API of llm), or a NAME of providers; empty: the first of providers, or local",
    )
    api_key: Annotated[ApiKey, Env("LLM_API_KEY")] = Field(
        SecretStr(""), description="of default_provider, where providers has none"
    )
    timeout_ms: Annotated[int, Env("LLM_TIMEOUT_MS")] = Field(
        300,
        ge=1,
        description="an answer that has not begun by then is asked of the next provider too, and "
        "whoever begins first is heard",
    )
    fallback: tuple[AppName, ...] = Field(
        (),
        description="who is asked after default_provider, in this order; empty: all others of "
        "providers as they stand there",
    )
    ollama_url: Annotated[HttpAddress, Env("OLLAMA_URL")] = Field(
        "http://127.0.0.1:11434", description="where Ollama is, without /v1"
    )
    bedrock_model_id: Annotated[str, Env("BEDROCK_MODEL_ID")] = Field(
        "",
        description="of Bedrock, which is asked first where this and access to AWS are given and "
        "no default_provider is",
    )
    registry: RegistrySection = RegistrySection()
    aws: AwsSection = AwsSection()
    providers: Annotated[
        Mapping[AppName, ProviderSection],
        Env("LLM_PROVIDERS"),
        BeforeValidator(_from_json),
        Masked(),
    ] = Field(
        {},
        description="NAME: kind, api_key, base_url, models, rate_limit, send_temperature "
        "(docs/providers.md; the variable: as JSON)",
    )

    @property
    def is_configured(self) -> bool:
        """Whether anything but the API of llm is asked."""
        return bool(self.providers) or self._first not in ("", "local")

    @property
    def order(self) -> tuple[str, ...]:
        """The names of those that are asked, the first one first."""
        first = self._first or next(iter(self.providers), "local")
        after = self.fallback or tuple(self.providers)
        return (first, *(name for name in dict.fromkeys(after) if name != first))

    @property
    def _first(self) -> str:
        """Who is named to be asked first; empty: nobody."""
        aws = self.aws
        may_ask = bool(aws.access_key_id and aws.secret_access_key.get_secret_value())
        by_aws = "bedrock" if self.bedrock_model_id and may_ask else ""
        return self.default_provider or by_aws

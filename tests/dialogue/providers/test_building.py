"""The settings say which providers there are; what cannot work is said before anybody talks."""

import json
from pathlib import Path

import pytest
from pydantic import SecretStr

from dialogue.breakers.breaker import Breakers
from dialogue.limits.buckets import LocalBuckets
from dialogue.model import OpenAIModel, Tokens
from dialogue.providers.anthropic import AnthropicModel
from dialogue.providers.bedrock import BedrockModel
from dialogue.providers.building import build_registry
from dialogue.providers.provider import Provider
from dialogue.providers.registry import ModelRegistry
from parley.errors import ConfigurationError
from parley.settings.orchestrator import LlmSection, OrchestratorSettings
from parley.settings.registry import ModelsSection
from parley.settings.source import load
from testkit.fake_anthropic import FakeAnthropic, anthropic_serving
from testkit.fake_llm import FakeLlm, ScriptedAnswer, in_turn, llm_serving
from tests.dialogue.providers.serving import QUESTION, text_of


def built(models: ModelsSection, llm: LlmSection | None = None) -> ModelRegistry:
    settings = OrchestratorSettings(llm=llm or LlmSection())
    return build_registry(settings, models, breakers=Breakers(), buckets=LocalBuckets())


def from_environment(folder: Path, **environ: str) -> ModelsSection:
    return load(ModelsSection, folder / "none.yaml", environ=environ)


def first(registry: ModelRegistry) -> Provider:
    return registry.in_order()[0]


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("groq", "https://api.groq.com/openai/v1/"),
        ("gemini", "https://generativelanguage.googleapis.com/v1beta/openai/"),
        ("openai", "https://api.openai.com/v1/"),
        ("ollama", "http://ollama.internal:11434/v1/"),
        ("local", "http://127.0.0.1:7003/v1/"),
    ],
)
async def test_a_provider_is_named_by_variables_alone(
    tmp_path: Path, name: str, address: str
) -> None:
    models = from_environment(
        tmp_path,
        LLM_PROVIDER=name,
        LLM_API_KEY="a-key",
        OLLAMA_URL="http://ollama.internal:11434",
        LLM_TIMEOUT_MS="450",
    )
    registry = built(models, LlmSection(model="qwen3:1.7b"))
    provider = first(registry)
    assert isinstance(provider.model, OpenAIModel)
    assert str(provider.model.client.base_url) == address
    assert provider.model.name == "qwen3:1.7b"
    assert registry.timeout_s == 0.45
    await registry.aclose()


async def test_anthropic_and_bedrock_are_named_by_variables_alone(tmp_path: Path) -> None:
    llm = LlmSection(model="claude")
    models = from_environment(tmp_path, LLM_PROVIDER="anthropic", LLM_API_KEY="a-key")
    anthropic = built(models, llm)
    assert isinstance(first(anthropic).model, AnthropicModel)
    variables = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "x"}
    models = from_environment(
        tmp_path, LLM_PROVIDER="bedrock", AWS_REGION="eu-central-1", **variables
    )
    bedrock = built(models, llm)
    model = first(bedrock).model
    assert isinstance(model, BedrockModel)
    assert model.http.at == "https://bedrock-runtime.eu-central-1.amazonaws.com"
    for registry in (anthropic, bedrock):
        await registry.aclose()


async def test_providers_of_the_file_are_asked_in_order_each_as_it_says() -> None:
    async with (
        llm_serving(FakeLlm(in_turn(ScriptedAnswer(status=503)))) as down,
        anthropic_serving(fake := FakeAnthropic(in_turn(ScriptedAnswer(text="Here.")))) as well,
    ):
        models = ModelsSection.model_validate(
            {
                "default_provider": "house",
                "fallback": ["anthropic"],
                "registry": {"max_retries": 0},
                "providers": {
                    "spare": {"base_url": "http://127.0.0.1:1/v1"},
                    "anthropic": {
                        "api_key": "a-key",
                        "base_url": well,
                        "models": ["claude-large", "claude-small"],
                        "send_temperature": False,
                    },
                    "house": {"base_url": down, "rate_limit": 100},
                },
            }
        )
        registry = built(models)
        assert registry.names == ["house", "anthropic"]
        pieces = [piece async for piece in registry.model().answer(QUESTION)]
        await registry.aclose()
    assert text_of(pieces) == "Here."
    assert fake.requests[0]["model"] == "claude-large" and "temperature" not in fake.requests[0]


async def test_what_an_answer_took_is_asked_of_those_who_tell_it() -> None:
    fake = FakeLlm(in_turn(ScriptedAnswer(text="Yes.", usage=(12, 3))))
    async with llm_serving(fake) as at:
        providers = {"ollama": {"base_url": at}}
        registry = built(ModelsSection.model_validate({"providers": providers}))
        pieces = [piece async for piece in registry.model().answer(QUESTION)]
        await registry.aclose()
    assert Tokens(12, 3) in pieces
    assert fake.requests[0]["stream_options"] == {"include_usage": True}


async def test_without_any_setting_it_is_the_api_of_llm() -> None:
    models = ModelsSection()
    assert not models.is_configured and models.order == ("local",)
    registry = built(models, LlmSection(api_key=SecretStr("k")))
    model = first(registry).model
    assert isinstance(model, OpenAIModel)
    assert (model.at_openai, model.name) == (True, "gpt-4o-mini")
    await registry.aclose()


@pytest.mark.parametrize(
    ("models", "what"),
    [
        ({"default_provider": "groq"}, "has no api_key"),
        ({"default_provider": "anthropic", "api_key": "k"}, "models is empty"),
        ({"default_provider": "bedrock"}, "models is empty"),
        (
            {"providers": {"bedrock": {"models": ["m"]}}},
            "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY",
        ),
        ({"default_provider": "nobody"}, "has no 'nobody'"),
        ({"default_provider": "local", "fallback": ["nobody"]}, "has no 'nobody'"),
    ],
)
def test_what_cannot_work_is_said_at_once(models: dict[str, object], what: str) -> None:
    with pytest.raises(ConfigurationError, match=what):
        built(ModelsSection.model_validate(models))


def test_no_error_shows_a_key_of_a_provider(tmp_path: Path) -> None:
    for wrong in ({"api_key": "a key with spaces"}, {"api_key": "hunter2", "colour": 1}):
        file = tmp_path / "models.yaml"
        file.write_text(json.dumps({"providers": {"groq": wrong}}))
        with pytest.raises(ConfigurationError) as caught:
            load(ModelsSection, file, environ={})
        assert "with spaces" not in str(caught.value) and "hunter2" not in str(caught.value)


def test_providers_may_come_as_json(tmp_path: Path) -> None:
    variable = json.dumps({"groq": {"api_key": "k", "models": ["m"]}})
    models = from_environment(tmp_path, LLM_PROVIDERS=variable)
    assert models.order == ("groq",) and models.providers["groq"].models == ("m",)
    with pytest.raises(ConfigurationError, match="expected JSON"):
        from_environment(tmp_path, LLM_PROVIDERS="groq")

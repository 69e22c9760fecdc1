"""Bedrock where access to AWS is, over its event stream from a loopback server."""

from pydantic import SecretStr

from parley.settings.orchestrator import OrchestratorSettings
from parley.settings.registry import AwsSection, ModelsSection, ProviderSection
from testkit.fake_bedrock import FakeBedrock, bedrock_serving
from testkit.fake_llm import ScriptedAnswer, ScriptedToolCall
from tests.apps.shopping.chatting import chat_server, one

MODEL = "eu.anthropic.claude-3-5-haiku-20241022-v1:0"
KEYS = AwsSection(
    region="eu-central-1", access_key_id="AKIA", secret_access_key=SecretStr("secret")
)


def test_bedrock_is_asked_first_with_access_to_aws_and_a_model() -> None:
    assert ModelsSection(bedrock_model_id=MODEL, aws=KEYS).order[0] == "bedrock"
    assert ModelsSection(bedrock_model_id=MODEL).order == ("local",)
    named = ModelsSection(bedrock_model_id=MODEL, aws=KEYS, default_provider="groq")
    assert named.order[0] == "groq"
    assert not ModelsSection(bedrock_model_id=MODEL).is_configured


async def test_bedrock_fills_the_requirement_and_writes_the_answer() -> None:
    form = {"category": "laptop", "budget_max": 999.99, "brands_unwanted": ["HP"]}
    fake = FakeBedrock()
    fake.script = lambda messages: (
        ScriptedAnswer(text="Take the first one.")
        if "offers" in str(messages[-1])
        else ScriptedAnswer(calls=(ScriptedToolCall("requirement", form),))
    )
    async with bedrock_serving(fake) as url:
        models = ModelsSection(
            bedrock_model_id=MODEL,
            timeout_ms=60_000,
            aws=KEYS,
            providers={"bedrock": ProviderSection(base_url=url)},
        )
        settings = OrchestratorSettings(models=models)
        async with chat_server(settings) as server, server.talking() as client:
            frames = await client.say("something to work on, below 1000 dollars, no HP")
    assert one(frames, "results")["requirement_spec"]["category"] == "laptop"
    assert one(frames, "done")["message"] == "Take the first one."
    assert all(MODEL.replace(":", "%3A") in each.raw_path for each in fake.received_requests)
    assert all("AWS4-HMAC" in each.headers["Authorization"] for each in fake.received_requests)

"""A call, and a talk at the terminal, ask the providers that the settings name."""

from dialogue.model import build_client
from dialogue.opening import conversing
from parley import Agent
from parley.settings.orchestrator import OrchestratorSettings
from parley.settings.registry import ModelsSection
from testkit.fake_anthropic import FakeAnthropic, anthropic_serving
from testkit.fake_llm import FakeLlm, ScriptedAnswer, in_turn, llm_serving
from tests.dialogue.conversing import KeptInMemory, ask, error_codes, record, said


async def test_a_conversation_goes_on_with_the_next_provider() -> None:
    async with (
        llm_serving(down := FakeLlm(in_turn(ScriptedAnswer(status=503)))) as first,
        anthropic_serving(well := FakeAnthropic(in_turn(ScriptedAnswer(text="Hello!")))) as second,
    ):
        providers = {
            "house": {"base_url": first},
            "anthropic": {"base_url": second, "api_key": "k", "models": ["claude"]},
        }
        models = ModelsSection.model_validate({"providers": providers, "timeout_ms": 60_000})
        settings = OrchestratorSettings(models=models)
        async with (
            build_client(settings) as client,
            conversing(
                Agent(), record(), settings, client=client, store=KeptInMemory()
            ) as conversation,
        ):
            events = await ask(conversation, "Hi.")
    assert said(events) == "Hello!" and not error_codes(events)
    assert (len(down.requests), len(well.requests)) == (1, 1)

"""The shopping app in the agent's own session: what is spoken, and what the page gets."""

from pathlib import Path

from apps.shopping import agent
from apps.shopping.composing import SPOKEN
from parley.room_events import ClarificationEvent, ProgressEvent, ResultsEvent
from testkit.fake_llm import FakeLlm
from tests.agent.test_session import talk_with


async def test_a_call_ends_in_three_spoken_products_and_a_list_on_the_page(
    shop_state: Path,
) -> None:
    async with talk_with(FakeLlm(), app=agent) as talk:
        await talk.ask("running shoes under one hundred dollars please")
        (question,) = talk.events(ClarificationEvent)
        assert isinstance(question, ClarificationEvent) and question.suggestions
        assert question.question in talk.page.text
        await talk.ask("size nine")
        (results,) = talk.events(ResultsEvent)
        assert talk.events(ProgressEvent)
        spoken = " ".join(talk.voice.texts)
    assert isinstance(results, ResultsEvent)
    assert results.total >= len(results.items) > SPOKEN
    assert all(float(str(item["price"])) < 100 for item in results.items)
    for place, item in enumerate(results.items[: SPOKEN + 1]):
        written = str(item["title"]).split(",")[0]
        assert (written in talk.page.text) is (place < SPOKEN)
    assert "The first" in spoken and "dollars" in spoken
    assert "on your page" in spoken

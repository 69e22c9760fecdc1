"""A model that is lost in the middle of its answer: what the next prompt holds of it."""

import pytest

from dialogue.text.languages.english import PHRASES as ENGLISH
from testkit.fake_llm import FakeLlm, ScriptedAnswer, in_turn
from tests.agent.test_session import talk_with

ANSWERS = (
    "The shop opens at nine and closes at half past six on weekdays, and at noon on Saturdays.",
    "It is **$1,250.00** (see https://example.org/a?b=1 and `x_1`), or 3.5% less on 1/2/2027, "
    "they say, as ever.",
    "Sure 😀 thing!  First: [the map](https://example.org/map.png), then — *laughs* — item #4 of "
    "the list, which is long.",
    "“Sorry,” she said, I lost my connection for a minute, and then the story went on as before.",
    "Die Straße heißt Königsallee, dann kommt 東京 und zuletzt Москва, und das war alles davon.",
)


@pytest.mark.parametrize("text", ANSWERS)
@pytest.mark.parametrize("words", [1, 4, 9, 14])
async def test_the_next_prompt_holds_what_was_heard_of_the_answer_and_no_apology(
    text: str, words: int
) -> None:
    model = FakeLlm(
        in_turn(
            ScriptedAnswer(text=text, breaks_off_after=words),
            ScriptedAnswer(text="Of course, here it is."),
        )
    )
    async with talk_with(model) as talk:
        await talk.ask("Tell me.")
        heard = talk.page.text.split()
        await talk.ask("Tell me.")
        shown = model.messages
    said = " ".join(m["content"] for m in shown if m["role"] == "assistant").split()
    assert heard == said + ENGLISH.apology.split()
    assert said in (text.split()[:words], [])  # a single word may not have been begun
    assert said or words == 1
    assert shown[-1]["content"].endswith("Tell me.")


async def test_three_losses_in_a_row_leave_three_questions_and_no_apology() -> None:
    lost = ScriptedAnswer(text=ANSWERS[0], breaks_off_after=5)
    model = FakeLlm(in_turn(lost, ScriptedAnswer(status=500), lost, ScriptedAnswer(text="Nine.")))
    async with talk_with(model) as talk:
        for question in ("One?", "Two?", "Three?", "Four?"):
            await talk.ask(question)
        shown = model.messages
    assert ENGLISH.apology not in str(shown)
    assert [m["role"] for m in shown] == [
        "system",
        "user",
        "assistant",
        "user",
        "assistant",
        "user",
    ]
    assert shown[3]["content"] == "Two? Three?"

"""What models write beside the answer is not let through, however it is cut; all else is."""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from pydantic import JsonValue

from dialogue.answer_filter import AnswerFilter, Passed
from dialogue.messages import ToolRequest


@dataclass(frozen=True)
class Offered:
    name: str
    parameters: tuple[str, ...]
    description: str = ""

    @property
    def schema(self) -> dict[str, JsonValue]:
        return {"type": "object", "properties": {name: {} for name in self.parameters}}


TOOLS = (Offered("get_weather", ("city", "days")), Offered("open_hours", ("day",)))
WEATHER = ("get_weather", {"city": "Paris"})

REASONING = [
    "<think>\nWhat do they want?\n</think>\n\n{}",
    "<thinking>Hm, 3 < 4 and <b>.</thinking> {}",
    "<reasoning>First</reasoning>{}",
    "<reflection>\nI was wrong.\n</reflection>{}",
    "<Thought>so</Thought>{}",
    "<seed:think>a</seed:think>{}",
    "<scratchpad>12 * 4</scratchpad>\n{}",
    "[THINK]They ask.[/THINK]{}",
    "[THINKING]x[/THINKING]\n{}",
    "◁think▷long thoughts◁/think▷{}",
    "<|begin_of_thought|>x<|end_of_thought|>{}",
    "<|START_THINKING|>x<|END_THINKING|><|START_RESPONSE|>{}<|END_RESPONSE|>",
    "<think></think>{}",
    "<|channel|>analysis<|message|>We must.<|end|><|start|>assistant<|channel|>final<|message|>{}",
    "<|channel|>analysis<|message|>A.<|channel|>final<|message|>{}<|return|>",
    "<|start|>assistant<|channel|>commentary<|message|>P<|end|><|channel|>final<|message|>{}",
    "analysisThe person greets.assistantfinal{}",
    "Okay, the user is asking me something. Let me see.\n</think>\n\n{}",
    "The user wants a joke, so I tell one.</think>{}",
    "Hmm, so the user said hello. [/THINK]{}",
    "<tool_response>42</tool_response>{}",
    "<think>one</think><think>two</think>{}",
]
ENDS = [
    *("{}<|im_end|>", "{}<|im_end|>\n<|im_start|>user\nMore?", "{}<|eot_id|>", "{}<|end_of_text|>"),
    *("{}<|endoftext|>More.", "{}</s>", "{}</s> And?", "{}<end_of_turn>\n<start_of_turn>user\nHm"),
    *("{}[/INST] Sure", "{}<|eom_id|>x", "{}<｜end▁of▁sentence｜>x", "{}<|end|>x", "{}<|user|>x"),
    *("{}<|END_OF_TURN_TOKEN|>", "{}<|im_start|>user\nAnd?", "{}<eos><eos>", "{}<|return|>y"),
    *("<|im_start|>assistant\n{}<|im_end|>", "<|assistant|>\n{}<|user|>", "<s> {}</s>"),
    *("<|start_header_id|>assistant<|end_header_id|>\n\n{}<|eot_id|>", "<start_of_turn>model\n{}"),
    *("<|start_of_role|>assistant<|end_of_role|>{}<|end_of_text|>", "<answer>{}</s>"),
]
SPEAKERS = [
    *("{}\nUser: And now?", "{}\nHuman: Ok", "{}\n\nHuman: Ok\nAssistant: Yes", "{}\n**User:** x"),
    *("{}\n### User: x", "{}\n### Instruction: x", "{}\nNutzer: Gut", "{}\nAssistant: More"),
    *("{}\nCustomer: yes?", "Assistant: {}", "**Assistant:** {}", "AI: {}", " Assistent: {}"),
    *("User: Hello?\nAssistant: {}", "### Response: {}", "assistant: {}\nuser: Hi"),
]
CALLS = [
    '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n</tool_call>',
    '<tool_call>{"name": "get_weather", "arguments": {"city": "Paris"}}',
    '<function=get_weather>{"city": "Paris"}</function>',
    "<tool_call><function=get_weather><parameter=city>\nParis\n</parameter></function></tool_call>",
    "<tool_call>get_weather\n<arg_key>city</arg_key>\n<arg_value>Paris</arg_value>\n</tool_call>",
    '<function_calls><invoke name="get_weather"><parameter name="city">Paris</parameter>'
    "</invoke></function_calls>",
    '<function_call>{"name": "get_weather", "arguments": "{\\"city\\": \\"Paris\\"}"}'
    "</function_call>",
    '[TOOL_CALLS][{"name": "get_weather", "arguments": {"city": "Paris"}}]',
    '[TOOL_CALLS]get_weather[ARGS]{"city": "Paris"}',
    '[TOOL_CALLS] [{"name": "get_weather", "arguments": {"city": "Paris"}}]</s>',
    '```json\n{"name": "get_weather", "arguments": {"city": "Paris"}}\n```',
    '```\n{"name": "get_weather", "parameters": {"city": "Paris"}}\n```',
    '```tool_code\nget_weather(city="Paris")\n```',
    '```python\nprint(get_weather("Paris"))\n```',
    '{"name": "get_weather", "arguments": {"city": "Paris"}}',
    '{"type": "function", "name": "get_weather", "parameters": {"city": "Paris"}}',
    '{"type": "function", "function": {"name": "get_weather", "arguments": {"city": "Paris"}}}',
    '[{"name": "get_weather", "arguments": {"city": "Paris"}}]',
    '{"tool_calls": [{"name": "get_weather", "arguments": {"city": "Paris"}}]}',
    "{'tool': 'get_weather', 'args': {'city': 'Paris'}}",
    'get_weather(city="Paris")',
    "get_weather('Paris')\n",
    '[get_weather(city="Paris")]',
    '`get_weather(city="Paris")`',
    'functions.get_weather(city="Paris")',
    'get_weather {"city": "Paris"}',
    'get_weather: {"city": "Paris"}',
    '<|python_tag|>{"name": "get_weather", "parameters": {"city": "Paris"}}',
    '<|python_tag|>get_weather(city="Paris")<|eom_id|>',
    "<|channel|>commentary to=functions.get_weather <|constrain|>json<|message|>"
    '{"city": "Paris"}<|call|>',
    "<|start|>assistant to=functions.get_weather<|channel|>commentary json<|message|>"
    '{"city": "Paris"}',
    "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n```json\n"
    '{"city": "Paris"}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>',
    "<|tool_calls_section_begin|><|tool_call_begin|>functions.get_weather:0"
    '<|tool_call_argument_begin|>{"city": "Paris"}<|tool_call_end|><|tool_calls_section_end|>',
    '✿FUNCTION✿: get_weather\n✿ARGS✿: {"city": "Paris"}',
]
ORDINARY = [
    "Say <your name> after the beep.",
    "If x<y and y>z, then <jane@example.com> is < 3 and a <- b.",
    "<b>Bold</b> and <i>thin</i>, <br/> done.",
    "Assistants: there are two. User accounts are free.\nUsers may call.",
    "I think: yes. <thinking about it> Well.",
    "An old price: <s>12</s> 10 euros.",
    '{"name": "Anna", "age": 3}',
    "{curly} and [square] [1][2] (round).",
    '```python\nprint("hi")\n```\nThat is all.',
    '```json\n{"name": "Anna"}\n```',
    "get_weather is what I would use.\nget_weather (city) tells it.",
    "I would call get_weather(city) for that.",
    "The user manual is in the box. The users are happy.",
    "Okay, the use of it is plain.",
    "Say <thought> and then hang up.",
    "a <| b |> c, x || y, <3",
    "  Leading space, and a line:\n\n  * one\n  * two\n",
    "Analysis of this: analysis is fun. final answer.",
    "We need to respect that.",
    "Dial *31# <pause> and wait.\n",
    "",
    "…",
    "❤️ <3 ◁ ✿",
    "[TODO] and [INS] and ``",
]


def filtered(pieces: Sequence[str], **options: bool) -> tuple[str, list[tuple[str, object]]]:
    passing = AnswerFilter(TOOLS, **options)
    passed: list[Passed] = []
    for piece in pieces:
        passed += passing.push(piece)
    passed += passing.finish()
    text = "".join(each for each in passed if isinstance(each, str))
    calls = [each for each in passed if isinstance(each, ToolRequest)]
    return text, [(call.name, _value(call.arguments)) for call in calls]


def _value(arguments: str) -> object:
    try:
        return json.loads(arguments)
    except ValueError:
        return arguments


def cut(text: str, seed: int) -> list[str]:
    """Into single characters for seed 0, else at random."""
    if seed == 0:
        return list(text)
    chance = random.Random(seed)
    places = sorted(chance.sample(range(len(text) + 1), min(len(text), chance.randrange(8))))
    return [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]


@pytest.mark.parametrize("written", [*REASONING, *ENDS, *SPEAKERS])
def test_only_the_answer_passes(written: str) -> None:
    answer = "It is <sunny> today."
    assert filtered([written.replace("{}", answer)])[0].strip() == answer


@pytest.mark.parametrize("before", ["", "Let me see.\n"])
@pytest.mark.parametrize("written", CALLS)
def test_a_call_that_is_written_out_is_called_and_not_said(written: str, before: str) -> None:
    text, calls = filtered([before + written])
    assert text.strip() == before.strip()
    assert calls == [WEATHER]


@pytest.mark.parametrize("written", ORDINARY)
def test_ordinary_text_passes_unchanged(written: str) -> None:
    assert filtered([written]) == (written, [])


@pytest.mark.parametrize("written", [*REASONING, *ENDS, *SPEAKERS, *CALLS, *ORDINARY])
def test_how_it_is_cut_makes_no_difference(written: str) -> None:
    text = written.replace("{}", "It is <sunny> today, isn't it?\nYes.")
    whole = filtered([text])
    for seed in range(25):
        assert filtered(cut(text, seed)) == whole, cut(text, seed)


def test_any_mixture_is_the_same_however_it_is_cut() -> None:
    chance = random.Random(7)
    parts = [*REASONING, *ENDS, *SPEAKERS, *CALLS, *ORDINARY, "Hello. ", "\n", " ", "<", "</", "{"]
    for _ in range(300):
        text = "".join(chance.choices(parts, k=4)).replace("{}", "So it is.")
        whole = filtered([text])
        for seed in range(4):
            assert filtered(cut(text, seed)) == whole, cut(text, seed)


@pytest.mark.parametrize(
    ("written", "calls"),
    [
        ('<tool_call>{"name": "fly", "arguments": {}}</tool_call>', [("fly", {})]),
        ('{"name": "fly", "arguments": {"to": "Rome"}}', [("fly", {"to": "Rome"})]),
        ('<tool_call>{"name": "open_hours", "arg</tool_call>', [("open_hours", None)]),
        ("<tool_call>what</tool_call>", [("unreadable", None)]),
        (
            '{"name": "get_weather", "arguments": {"city": "Rome"}}\n'
            '{"name": "open_hours", "arguments": {"day": "Monday"}}',
            [("get_weather", {"city": "Rome"}), ("open_hours", {"day": "Monday"})],
        ),
        ("get_weather('Rome', days=2)", [("get_weather", {"city": "Rome", "days": 2})]),
    ],
)
def test_a_call_that_nobody_offered_or_can_read_is_one_all_the_same(
    written: str, calls: list[tuple[str, object]]
) -> None:
    text, found = filtered([written])
    assert text.strip() == ""
    assert [name for name, _ in found] == [name for name, _ in calls]
    for (_, given), (_, expected) in zip(found, calls, strict=True):
        assert expected is None or given == expected


def test_reasoning_without_end_leaves_nothing_and_is_known() -> None:
    passing = AnswerFilter()
    assert passing.push("<think>Let me see, and see") + passing.finish() == []
    assert passing.thought


def test_a_model_that_leaves_out_the_mark_is_known_by_the_end_and_held_back_then() -> None:
    unknown = AnswerFilter()
    assert unknown.push("They ask about rain.</think>It rains.") == [
        "They ask about rain.",
        "It rains.",
    ]
    assert unknown.thought_unmarked
    assert filtered(["They ask", " it.</th", "ink>It rains."], begins_with_thought=True) == (
        "It rains.",
        [],
    )
    assert filtered(["It ", "rains."], begins_with_thought=True) == ("It rains.", [])


def test_an_ordinary_answer_is_held_back_by_no_more_than_a_word() -> None:
    answers = (
        "That sounds like a lovely dinner, with all that stew. I would cook it slowly.",
        "Sure! The bus leaves at ten < eleven.\nDo you want to go?",
        "Once upon a time there was a user: a fox. It ran.\n\nThen it slept.",
    )
    for answer in answers:
        passing, pushed, passed, most = AnswerFilter(TOOLS), 0, 0, 0
        for word in answer.split(" "):
            pushed += len(word) + 1
            passed += sum(map(len, passing.push(f"{word} ")))  # type: ignore[arg-type]
            most = max(most, pushed - passed)
        assert most <= 2  # a "<", and the space behind it
    for first in ("Sure", "That", "Hello", "It", "I", "Yes", "No", "Well", "Once", "Guten"):
        assert AnswerFilter(TOOLS).push(first) == [first]

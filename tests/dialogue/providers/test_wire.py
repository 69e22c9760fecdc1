"""What goes over the wire to Anthropic and Bedrock, to the letter of their APIs."""

import json
from datetime import UTC, datetime

import pytest

from dialogue.messages import (
    AssistantMessage,
    Message,
    SystemMessage,
    ToolMessage,
    ToolRequest,
    UserMessage,
)
from dialogue.model_errors import ModelRequestError
from dialogue.providers.event_stream import EventStreamDecoder
from dialogue.providers.http_request import BrokenStreamError
from dialogue.providers.sigv4 import AwsCredentials, signed_headers
from dialogue.providers.turns import BEGINNING, GO_ON, in_turns
from testkit.fake_anthropic import FakeAnthropic
from testkit.fake_bedrock import FakeBedrock, encoded
from testkit.fake_llm import ScriptedAnswer, in_turn
from tests.dialogue.providers.serving import (
    BEDROCK_MODEL,
    KEY,
    QUESTION,
    FakeTool,
    anthropic_model,
    bedrock_model,
)

YES = in_turn(ScriptedAnswer(text="Yes."))
CONVERSATION: tuple[Message, ...] = (
    SystemMessage("Be brief."),
    AssistantMessage("Hello!"),
    UserMessage("Where is 7?"),
    AssistantMessage(
        "Let me see.",
        calls=(
            ToolRequest("call:1", "order_status", '{"number": "7"}'),
            ToolRequest("call:2", "order_status", "seven"),
        ),
    ),
    ToolMessage("call:1", "On its way."),
    ToolMessage("call:2", "Which?"),
    UserMessage("And?"),
)


async def sent_to_anthropic(messages: tuple[Message, ...], *tools: FakeTool) -> FakeAnthropic:
    async with anthropic_model(YES) as (fake, model):
        async for _ in model.answer(messages, tools):  # type: ignore[arg-type]
            pass
        return fake


async def sent_to_bedrock(messages: tuple[Message, ...], *tools: FakeTool) -> FakeBedrock:
    async with bedrock_model(YES) as (fake, model):
        async for _ in model.answer(messages, tools):  # type: ignore[arg-type]
            pass
        return fake


async def test_anthropic_is_asked_in_its_own_words() -> None:
    fake = await sent_to_anthropic(CONVERSATION, FakeTool())
    (request,) = fake.requests
    assert fake.headers[0]["x-api-key"] == KEY
    assert fake.headers[0]["anthropic-version"] == "2023-06-01"
    assert request["system"] == "Be brief." and request["stream"] is True
    assert request["max_tokens"] == 160 and request["temperature"] == 1.0
    assert request["tools"][0]["name"] == "order_status"
    assert request["tools"][0]["input_schema"] == FakeTool().schema
    assert request["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": BEGINNING}]},
        {"role": "assistant", "content": [{"type": "text", "text": "Hello!"}]},
        {"role": "user", "content": [{"type": "text", "text": "Where is 7?"}]},
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "Let me see."},
                {
                    "type": "tool_use",
                    "id": "call_1",
                    "name": "order_status",
                    "input": {"number": "7"},
                },
                {
                    "type": "tool_use",
                    "id": "call_2",
                    "name": "order_status",
                    "input": {"arguments": "seven"},
                },
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "call_1", "content": "On its way."},
                {"type": "tool_result", "tool_use_id": "call_2", "content": "Which?"},
                {"type": "text", "text": "And?"},
            ],
        },
    ]


async def test_bedrock_is_asked_in_its_own_words() -> None:
    fake = await sent_to_bedrock(CONVERSATION, FakeTool())
    (request,) = fake.requests
    (sent,) = fake.received_requests
    assert sent.raw_path == f"/model/{BEDROCK_MODEL.replace(':', '%3A')}/converse-stream"
    assert sent.headers["Authorization"] == f"Bearer {KEY}"
    assert request["system"] == [{"text": "Be brief."}]
    assert request["inferenceConfig"] == {"maxTokens": 160, "temperature": 0.4}
    assert request["toolConfig"]["tools"][0]["toolSpec"]["inputSchema"] == {
        "json": FakeTool().schema
    }
    assert request["messages"][3]["content"][1] == {
        "toolUse": {"toolUseId": "call_1", "name": "order_status", "input": {"number": "7"}}
    }
    assert request["messages"][4]["content"] == [
        {"toolResult": {"toolUseId": "call_1", "content": [{"text": "On its way."}]}},
        {"toolResult": {"toolUseId": "call_2", "content": [{"text": "Which?"}]}},
        {"text": "And?"},
    ]


async def test_calls_of_earlier_are_told_in_words_where_no_tool_is_offered() -> None:
    for request in (
        (await sent_to_anthropic(CONVERSATION)).requests[0],
        (await sent_to_bedrock(CONVERSATION)).requests[0],
    ):
        written = json.dumps(request["messages"])
        assert "tool_use" not in written and "toolUse" not in written
        assert "Called order_status" in written and "On its way." in written


def test_the_first_and_the_last_turn_are_the_persons() -> None:
    system, turns = in_turns(
        [SystemMessage("A."), SystemMessage("B."), AssistantMessage("Hello!")], with_tools=True
    )
    assert system == "A.\n\nB."
    assert [(turn.role, turn.parts) for turn in turns] == [
        ("user", (BEGINNING,)),
        ("assistant", ("Hello!",)),
        ("user", (GO_ON,)),
    ]


def test_a_system_message_within_keeps_its_place_and_nothing_empty_is_sent() -> None:
    _, turns = in_turns(
        [UserMessage("Hi."), AssistantMessage(" "), SystemMessage("Go on.")], with_tools=True
    )
    assert [(turn.role, turn.parts) for turn in turns] == [("user", ("Hi.", "Go on."))]


async def test_an_error_within_the_stream_of_anthropic_is_told() -> None:
    async with anthropic_model(YES) as (fake, model):
        fake.fails_within = {"type": "overloaded_error", "message": "Overloaded"}
        with pytest.raises(ModelRequestError, match="Overloaded") as caught:
            async for _ in model.answer(QUESTION):
                pass
    assert caught.value.code == "model_unavailable" and caught.value.retryable


async def test_an_exception_within_the_stream_of_bedrock_is_told() -> None:
    async with bedrock_model(YES) as (fake, model):
        fake.fails_within = ("throttlingException", "Too many tokens")
        with pytest.raises(ModelRequestError, match="Too many tokens") as caught:
            async for _ in model.answer(QUESTION):
                pass
    assert caught.value.code == "model_busy" and caught.value.retryable


async def test_a_request_to_bedrock_is_signed_by_its_keys() -> None:
    credentials = AwsCredentials("AKIDEXAMPLE", "a-secret", "a-token")
    async with bedrock_model(YES, credentials) as (fake, model):
        async for _ in model.answer(QUESTION):
            pass
    (sent,) = fake.received_requests
    signed = signed_headers(
        credentials,
        method="POST",
        url=f"http://{sent.headers['Host']}{sent.raw_path}",
        body=sent.body,
        headers={"Content-Type": "application/json"},
        region="eu-central-1",
        service="bedrock",
        now=datetime(2026, 11, 28, 12, 0, tzinfo=UTC),
    )
    assert sent.headers["Authorization"] == signed["Authorization"]
    assert sent.headers["X-Amz-Security-Token"] == "a-token"


def test_a_signature_is_the_one_of_the_published_suite() -> None:
    """`get-vanilla` of AWS's Signature Version 4 test suite."""
    signed = signed_headers(
        AwsCredentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
        method="GET",
        url="https://example.amazonaws.com/",
        body=b"",
        headers={},
        region="us-east-1",
        service="service",
        now=datetime(2015, 8, 30, 12, 36, tzinfo=UTC),
    )
    assert signed["Authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        "SignedHeaders=host;x-amz-date, "
        "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
    )


def test_a_models_id_is_signed_as_botocore_signs_it() -> None:
    """botocore 1.44.8's SigV4Auth on the same request: the colon of the id is encoded twice."""
    signed = signed_headers(
        AwsCredentials("AKID", "SECRET"),
        method="POST",
        url="https://bedrock-runtime.eu-central-1.amazonaws.com/model/"
        "eu.anthropic.claude-3-haiku-20240307-v1%3A0/converse-stream",
        body=b'{"a":1}',
        headers={"Content-Type": "application/json"},
        region="eu-central-1",
        service="bedrock",
        now=datetime(2026, 11, 28, 12, 0, tzinfo=UTC),
    )
    assert signed["Authorization"].endswith(
        "Signature=f8a5de2a640b13c4ad0cf8a7dc36db959228f880d7458960aec270b25e3d8356"
    )


# Of the tests of botocore: messages as AWS's own encoder makes them.
EMPTY = b"\x00\x00\x00\x10\x00\x00\x00\x00\x05\xc2H\xeb}\x98\xc8\xff"
WITH_A_NUMBER = (
    b"\x00\x00\x00+\x00\x00\x00\x0e4\x8b\xec{\x08event-id\x04\x00\x00\xa0\x0c{'foo':'bar'}"
    b"\xd3\x89\x02\x85"
)


def test_an_event_stream_is_read_in_whatever_pieces_it_comes() -> None:
    message = encoded({":event-type": "metadata", ":message-type": "event"}, b'{"a": "\xc3\xa9"}')
    for size in (1, 5, 1000):
        decoder, data = EventStreamDecoder(), EMPTY + message + WITH_A_NUMBER + message
        found = [
            read for at in range(0, len(data), size) for read in decoder.feed(data[at : at + size])
        ]
        assert [read.payload for read in found] == [
            b"",
            b'{"a": "\xc3\xa9"}',
            b"{'foo':'bar'}",
            b'{"a": "\xc3\xa9"}',
        ]
        assert found[1].headers == {":event-type": "metadata", ":message-type": "event"}


@pytest.mark.parametrize("at", [0, 9, 14, 40, -1])
def test_a_message_that_is_damaged_is_refused(at: int) -> None:
    message = bytearray(encoded({":event-type": "metadata"}, b'{"a": "and more of it"}'))
    message[at] ^= 0xFF
    with pytest.raises(BrokenStreamError):
        list(EventStreamDecoder().feed(bytes(message)))

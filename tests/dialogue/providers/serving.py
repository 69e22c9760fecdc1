"""Each kind of provider on a socket, and the model that speaks to it."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from dialogue.messages import SystemMessage, UserMessage
from dialogue.model import Piece, Text, build_client, build_model
from dialogue.providers.anthropic import AnthropicModel
from dialogue.providers.bedrock import BedrockModel
from dialogue.providers.http_request import ProviderHttp, new_client
from dialogue.providers.provider_model import ProviderModel
from dialogue.providers.sigv4 import AwsCredentials
from testkit.fake_anthropic import FakeAnthropic, anthropic_serving
from testkit.fake_bedrock import FakeBedrock, bedrock_serving
from testkit.fake_llm import FakeLlm, Script, ScriptedAnswer, in_turn, llm_serving
from tests.dialogue.conversing import settings

QUESTION = (SystemMessage("Be brief."), UserMessage("Hello."))
KEY = "sk-a-key-that-nobody-is-shown"
BEDROCK_MODEL = "eu.anthropic.claude-3-haiku-20240307-v1:0"
NOON = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class FakeTool:
    """An OfferedTool."""

    name: str = "order_status"
    description: str = "Where an order is."

    @property
    def schema(self) -> dict[str, object]:  # type: ignore[override]
        return {"type": "object", "properties": {"number": {"type": "string"}}}


@asynccontextmanager
async def openai_model(script: Script) -> AsyncGenerator[tuple[FakeLlm, ProviderModel]]:
    fake = FakeLlm(script)
    async with llm_serving(fake) as url, build_client(settings(url)) as client:
        yield fake, build_model(settings(url), client)


@asynccontextmanager
async def anthropic_model(script: Script) -> AsyncGenerator[tuple[FakeAnthropic, AnthropicModel]]:
    fake = FakeAnthropic(script)
    async with anthropic_serving(fake) as at, new_client() as client:
        http = ProviderHttp(client=client, at=at, secrets=(KEY,), key_is="key of anthropic")
        yield (
            fake,
            AnthropicModel(http=http, key=KEY, name="claude", temperature=1.4, max_tokens=160),
        )


@asynccontextmanager
async def bedrock_model(
    script: Script, credentials: str | AwsCredentials = KEY
) -> AsyncGenerator[tuple[FakeBedrock, BedrockModel]]:
    fake = FakeBedrock(script)
    async with bedrock_serving(fake) as at, new_client() as client:
        http = ProviderHttp(client=client, at=at, secrets=(KEY,), key_is="key of bedrock")
        yield (
            fake,
            BedrockModel(
                http=http,
                credentials=credentials,
                region="eu-central-1",
                name=BEDROCK_MODEL,
                temperature=0.4,
                max_tokens=160,
                now=lambda: NOON,
            ),
        )


SERVING: dict[str, Callable] = {  # type: ignore[type-arg]
    "openai": openai_model,
    "anthropic": anthropic_model,
    "bedrock": bedrock_model,
}


async def hung_up(server: FakeLlm) -> None:
    """Returns once its client has hung up, long before the answer would have been complete."""
    async with asyncio.timeout(60):
        await server.disconnected.wait()


async def pieces_of(kind: str, answer: ScriptedAnswer) -> list[Piece]:
    async with SERVING[kind](in_turn(answer)) as (_, model):
        return [piece async for piece in model.answer(QUESTION)]


def text_of(pieces: list[Piece]) -> str:
    return "".join(piece.text for piece in pieces if isinstance(piece, Text))

"""The language model: any OpenAI-compatible one, and what it is shown of the conversation."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing

import httpx2
import openai as openai_sdk
from livekit.agents import NOT_GIVEN, APIError, llm
from livekit.plugins import openai

from parley.settings import OrchestratorSettings
from parley.settings.orchestrator import LOCAL_LLM

OPENAI_MODEL = "gpt-4o-mini"
_OPENAI_URL = "https://api.openai.com/v1"

MAX_MESSAGES = 20
_DROPPED_AT_ONCE = 8
"""Old messages leave in blocks: between two of them the prompt only grows, and stays cached."""
MAX_CONVERSATION_CHARS = 9000
"""Some 2,300 tokens: with the instructions and the answer they fit a context of 4,096."""

FILLERS = (
    (3.0, "One moment, please. "),
    (4.0, "I'm still thinking. "),
    (6.0, "This takes longer than usual. "),
)
"""What is said, and after how long without a word from the model."""
APOLOGY = "Sorry, I lost my connection for a moment. Could you say that again?"

_log = logging.getLogger(__name__)


def base_url(settings: OrchestratorSettings) -> str:
    """Where the OpenAI-compatible API is, without a slash at the end."""
    if settings.llm_is_local:
        return f"http://127.0.0.1:{settings.llm.local_port}/v1"
    return (settings.llm.base_url or _OPENAI_URL).rstrip("/")


def build_client(settings: OrchestratorSettings) -> openai_sdk.AsyncClient:
    """The API client; needs no running event loop. Whoever builds it closes it."""
    return openai_sdk.AsyncClient(
        api_key=settings.llm.api_key.get_secret_value() or "none",
        base_url=base_url(settings),
        max_retries=0,
        http_client=httpx2.AsyncClient(limits=httpx2.Limits(keepalive_expiry=120)),
    )


def build_llm(settings: OrchestratorSettings, client: openai_sdk.AsyncClient) -> openai.LLM:
    """The framework's model over the client."""
    limit = settings.llm.max_tokens
    at_openai = base_url(settings) == _OPENAI_URL
    return openai.LLM(
        model=model_name(settings),
        client=client,
        temperature=settings.llm.temperature,
        # Others know the limit by its older name.
        max_completion_tokens=limit if at_openai else NOT_GIVEN,
        extra_body=NOT_GIVEN if at_openai else {"max_tokens": limit},
    )


def model_name(settings: OrchestratorSettings) -> str:
    return settings.llm.model or (LOCAL_LLM if settings.llm_is_local else OPENAI_MODEL)


async def fill_prompt_cache(client: openai_sdk.AsyncClient, settings: OrchestratorSettings) -> None:
    """Has the local model read how every conversation begins, while the greeting is being said."""
    instructions, greeting = settings.agent.instructions, settings.agent.greeting
    try:
        await client.chat.completions.create(
            model=model_name(settings),
            messages=[
                {"role": "system", "content": instructions},
                {"role": "assistant", "content": greeting},
                {"role": "user", "content": "Hello."},
            ],
            max_tokens=1,
            timeout=30.0,
        )
    except openai_sdk.OpenAIError as error:
        _log.warning("the language model does not answer: %s", error)


def recent(conversation: llm.ChatContext) -> llm.ChatContext:
    """The instructions and the latest messages, bounded in number and in characters.

    Without the fillers: a small model would take them for its own way of speaking.
    """
    shown = conversation.copy()
    shown.items[:] = map(_without_fillers, shown.items)
    surplus = len(shown.items) - 1 - MAX_MESSAGES
    blocks = -(-surplus // _DROPPED_AT_ONCE) if surplus > 0 else 0
    keep = len(shown.items) - 1 - blocks * _DROPPED_AT_ONCE
    characters = 0
    for count, item in enumerate(reversed(shown.items[1:])):
        characters += len(item.raw_text_content or "") if item.type == "message" else 0
        if characters > MAX_CONVERSATION_CHARS and count:
            keep = min(keep, count)
            break
    return shown.truncate(max_items=max(keep, 1))


def _without_fillers(item: llm.ChatItem) -> llm.ChatItem:
    if item.type != "message" or item.role != "assistant":
        return item
    text = item.raw_text_content or ""
    for _, filler in FILLERS:
        text = text.replace(filler, "")
    return item.model_copy(update={"content": [text]})


async def never_silent(
    answer: AsyncGenerator[llm.ChatChunk],
) -> AsyncGenerator[llm.ChatChunk | str]:
    """The model's answer; fillers while it keeps silent, an apology where it fails.

    A failure of the model ends the answer and is not raised: the framework has logged it and
    told the session. Closes `answer`.
    """
    fillers = list(FILLERS)
    spoke = failed = False
    async with aclosing(answer):
        reading = asyncio.create_task(_next(answer))
        try:
            while True:
                wait_s = fillers[0][0] if fillers and not spoke else None
                await asyncio.wait({reading}, timeout=wait_s)
                if not reading.done():
                    yield fillers.pop(0)[1]
                    continue
                if (chunk := reading.result()) is None:
                    break
                reading = asyncio.create_task(_next(answer))
                spoke = spoke or chunk.has_response()
                yield chunk
        except APIError:
            failed = True
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
    if failed or not spoke:
        yield f" {APOLOGY}" if spoke else APOLOGY


async def _next(answer: AsyncGenerator[llm.ChatChunk]) -> llm.ChatChunk | None:
    return await anext(answer, None)

"""The language model: any OpenAI-compatible one, and what it is shown of the conversation."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing

import httpx2
import openai as openai_sdk
from livekit.agents import NOT_GIVEN, APIConnectOptions, APIError, llm
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


def build_llm(settings: OrchestratorSettings) -> openai.LLM:
    """The client; needs no running event loop."""
    url = base_url(settings)
    limit = settings.llm.max_tokens
    local = LOCAL_LLM if settings.llm_is_local else OPENAI_MODEL
    client = openai_sdk.AsyncClient(
        api_key=settings.llm.api_key.get_secret_value() or "none",
        base_url=url,
        max_retries=0,
        http_client=httpx2.AsyncClient(limits=httpx2.Limits(keepalive_expiry=120)),
    )
    return openai.LLM(
        model=settings.llm.model or local,
        client=client,
        temperature=settings.llm.temperature,
        # Others know the limit by its older name.
        max_completion_tokens=limit if url == _OPENAI_URL else NOT_GIVEN,
        extra_body=NOT_GIVEN if url == _OPENAI_URL else {"max_tokens": limit},
    )


async def fill_prompt_cache(model: openai.LLM, *, instructions: str, greeting: str) -> None:
    """Has the local model read how every conversation begins, while the greeting is being said."""
    beginning = llm.ChatContext.empty()
    beginning.add_message(role="system", content=instructions)
    if greeting:
        beginning.add_message(role="assistant", content=greeting)
    beginning.add_message(role="user", content="Hello.")
    once = APIConnectOptions(max_retry=0, timeout=30.0)
    shortest = {"extra_body": {"max_tokens": 1}}
    try:
        stream = model.chat(chat_ctx=beginning, conn_options=once, extra_kwargs=shortest)
        await stream.collect()  # to its end: the connection serves the first turn too
    except APIError as error:
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

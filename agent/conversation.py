"""The agent's part in a conversation, as the framework's nodes."""

import time
from collections.abc import AsyncGenerator, AsyncIterable
from typing import Any

from livekit import rtc
from livekit.agents import Agent, FlushSentinel, ModelSettings, llm
from livekit.agents.types import USERDATA_TTS_STARTED_TIME

from agent.llm import never_silent, recent
from agent.turn_report import current_reply


class Conversation(Agent):
    """Answers from the recent conversation, and stamps each reply with where its time went."""

    async def llm_node(
        self, chat_ctx: llm.ChatContext, tools: list[llm.Tool], model_settings: ModelSettings
    ) -> AsyncGenerator[llm.ChatChunk | str | FlushSentinel]:
        reply = current_reply.get(None)
        asked_at = time.perf_counter()
        answer: AsyncGenerator[Any] = Agent.default.llm_node(
            self, recent(chat_ctx), tools, model_settings
        )
        async for chunk in never_silent(answer):
            has_text = isinstance(chunk, llm.ChatChunk) and chunk.has_response()
            if reply is not None and reply.llm_first_token_s is None and has_text:
                reply.llm_first_token_s = time.perf_counter() - asked_at
            yield chunk

    async def tts_node(
        self, text: AsyncIterable[str], model_settings: ModelSettings
    ) -> AsyncGenerator[rtc.AudioFrame]:
        reply = current_reply.get(None)
        async for frame in Agent.default.tts_node(self, text, model_settings):
            started_at = frame.userdata.get(USERDATA_TTS_STARTED_TIME)
            if reply is not None and reply.tts_first_audio_s is None and started_at:
                reply.tts_first_audio_s = time.perf_counter() - started_at
            yield frame

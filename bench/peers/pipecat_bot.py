"""A voice agent of pipecat for one room, as its examples have it; run in that peer's environment.

Everything is at the package's defaults (Silero, Smart Turn) but that its own OpenAI services ask
local servers, and that it does not wait for a transcript as long as a distant one would take.
"""

import asyncio
import os
import sys

from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.services.openai.stt import OpenAISTTService
from pipecat.services.openai.tts import OpenAITTSService
from pipecat.transports.livekit.transport import LiveKitParams, LiveKitTransport
from pipecat.workers.runner import WorkerRunner

LOCAL_TRANSCRIPT_P99_S = 0.6
"""What the package wants to be told of a recognizer: OpenAI's takes 2 s."""


async def main(url: str, room: str, token: str) -> None:
    transport = LiveKitTransport(
        url=url,
        token=token,
        room_name=room,
        params=LiveKitParams(audio_in_enabled=True, audio_out_enabled=True),
    )
    speech = {"base_url": os.environ["PEER_SPEECH_URL"], "api_key": "none"}
    stt = OpenAISTTService(
        settings=OpenAISTTService.Settings(model="whisper-1"),
        ttfs_p99_latency=LOCAL_TRANSCRIPT_P99_S,
        **speech,
    )
    llm = OpenAILLMService(
        base_url=os.environ["PEER_LLM_URL"],
        api_key="none",
        settings=OpenAILLMService.Settings(
            model=os.environ["PEER_LLM_MODEL"],
            system_instruction=os.environ["PEER_INSTRUCTIONS"],
            temperature=float(os.environ["PEER_LLM_TEMPERATURE"]),
            max_tokens=int(os.environ["PEER_LLM_MAX_TOKENS"]),
        ),
    )
    tts = OpenAITTSService(
        settings=OpenAITTSService.Settings(model="tts-1", voice="alloy"), **speech
    )
    person, agent = LLMContextAggregatorPair(
        LLMContext(), user_params=LLMUserAggregatorParams(vad_analyzer=SileroVADAnalyzer())
    )
    pipeline = Pipeline([transport.input(), stt, person, llm, tts, transport.output(), agent])
    worker = PipelineWorker(pipeline)

    @transport.event_handler("on_connected")
    async def on_connected(_: LiveKitTransport) -> None:
        print("ready", flush=True)

    @transport.event_handler("on_participant_left")
    async def on_left(_: LiveKitTransport, __: str, ___: str) -> None:
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

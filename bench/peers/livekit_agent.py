"""A voice agent of livekit-agents, as its quick start has it; run in that peer's environment.

Everything is at the package's defaults but what one machine without a cloud needs: its own
OpenAI plugins ask local servers, and the turn detector is the one that runs locally.
"""

import os

from livekit.agents import (
    Agent,
    AgentServer,
    AgentSession,
    JobContext,
    JobProcess,
    TurnHandlingOptions,
    cli,
    inference,
)
from livekit.plugins import openai, silero

server = AgentServer(
    host="127.0.0.1",
    port=0,
    load_threshold=float("inf"),  # else a busy machine is given no calls
)


def prewarm(process: JobProcess) -> None:
    process.userdata["vad"] = silero.VAD.load()


server.setup_fnc = prewarm


@server.rtc_session(agent_name=os.environ.get("PEER_NAME", "peer"))
async def answer(context: JobContext) -> None:
    speech = {"base_url": os.environ["PEER_SPEECH_URL"], "api_key": "none"}
    session: AgentSession[None] = AgentSession(
        vad=context.proc.userdata["vad"],
        stt=openai.STT(model="whisper-1", **speech),
        llm=openai.LLM(
            model=os.environ["PEER_LLM_MODEL"],
            base_url=os.environ["PEER_LLM_URL"],
            api_key="none",
            temperature=float(os.environ["PEER_LLM_TEMPERATURE"]),
            max_completion_tokens=int(os.environ["PEER_LLM_MAX_TOKENS"]),
        ),
        tts=openai.TTS(model="tts-1", voice="alloy", response_format="pcm", **speech),
        turn_handling=TurnHandlingOptions(turn_detection=inference.TurnDetector(version="v1-mini")),
    )
    await session.start(
        agent=Agent(instructions=os.environ["PEER_INSTRUCTIONS"]), room=context.room, record=False
    )


if __name__ == "__main__":
    cli.run_app(server)

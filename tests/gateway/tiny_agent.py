"""An agent server on the real framework, whose agent publishes silence: to see it die.

`python -m tests.gateway.tiny_agent`; LIVEKIT_URL and the keys come from the environment. Its agent
says in attributes who it is: pid, and the dispatch's metadata as it came.
"""

import asyncio
import os
import sys

from livekit import rtc
from livekit.agents import AgentServer, JobContext, JobRequest
from pydantic import SecretStr

from agent.lost_jobs import LostJobs
from parley.settings.orchestrator import LiveKitSection

DIES = "dies"
"""In the metadata: the process does not survive its first moment in the room."""


async def converse(context: JobContext) -> None:
    await context.connect()
    voice = rtc.LocalAudioTrack.create_audio_track("voice", rtc.AudioSource(24000, 1))
    await context.room.local_participant.publish_track(voice)
    told = context.job.metadata
    await context.room.local_participant.set_attributes({"pid": str(os.getpid()), "told": told})
    if DIES in told:
        os._exit(3)


async def accept(request: JobRequest) -> None:
    await request.accept(name="Tiny")


def settings() -> LiveKitSection:
    return LiveKitSection(
        url=os.environ["LIVEKIT_URL"],
        api_key=os.environ["LIVEKIT_API_KEY"],
        api_secret=SecretStr(os.environ["LIVEKIT_API_SECRET"]),
    )


async def serve() -> None:
    livekit = settings()
    server = AgentServer(
        ws_url=livekit.url,
        api_key=livekit.api_key,
        api_secret=livekit.api_secret.get_secret_value(),
        host="127.0.0.1",
        port=0,
        num_idle_processes=1,
        load_threshold=float("inf"),
        load_fnc=lambda _: 0.0,
    )
    server.rtc_session(converse, agent_name=livekit.agent_name, on_request=accept)
    server.on("worker_registered", lambda *_: print("registered", flush=True))
    lost = LostJobs(livekit)
    lost.watch(server)
    await server.run()


if __name__ == "__main__":
    sys.exit(asyncio.run(serve()))

"""An agent server on the real framework, whose agent publishes silence: to see it die.

`python -m tests.gateway.tiny_agent`; LIVEKIT_URL and the keys come from the environment, and so do
TINY_SESSIONS, how many calls it takes, and TINY_PORT, where it says how many it has. Its agent says
in attributes who it is: pid, and the dispatch's metadata as it came. It leaves after its person.
"""

import asyncio
import os
import sys

from livekit import rtc
from livekit.agents import AgentServer, JobContext
from pydantic import SecretStr

from agent.admission import Admission, jobs_of
from agent.lost_jobs import LostJobs
from parley.capacity import PATH, Capacity
from parley.settings.orchestrator import LiveKitSection
from parley.small_http import HttpReply, SmallHttpServer

DIES = "dies"
"""In the metadata: the process does not survive its first moment in the room."""


async def converse(context: JobContext) -> None:
    await context.connect()
    voice = rtc.LocalAudioTrack.create_audio_track("voice", rtc.AudioSource(24000, 1))
    await context.room.local_participant.publish_track(voice)
    told = context.job.metadata
    context.room.on("participant_disconnected", lambda _: context.shutdown("nobody is there"))
    await context.room.local_participant.set_attributes({"pid": str(os.getpid()), "told": told})
    if DIES in told:
        os._exit(3)


def settings() -> LiveKitSection:
    return LiveKitSection(
        url=os.environ["LIVEKIT_URL"],
        api_key=os.environ["LIVEKIT_API_KEY"],
        api_secret=SecretStr(os.environ["LIVEKIT_API_SECRET"]),
    )


async def serve() -> None:
    livekit = settings()
    admission = Admission(int(os.environ["TINY_SESSIONS"]), lambda: jobs_of(server))
    server = AgentServer(
        ws_url=livekit.url,
        api_key=livekit.api_key,
        api_secret=livekit.api_secret.get_secret_value(),
        host="127.0.0.1",
        port=0,
        num_idle_processes=1,
        load_threshold=float("inf"),
        load_fnc=admission.load,
    )
    server.rtc_session(converse, agent_name=livekit.agent_name, on_request=admission.answer)

    async def capacity() -> HttpReply:
        told = Capacity(
            takes_calls=not server._connecting,
            max_sessions=admission.max_sessions,
            rooms=admission.rooms(),
        )
        return HttpReply(told.model_dump_json().encode())

    await SmallHttpServer({PATH: capacity}).start("127.0.0.1", int(os.environ["TINY_PORT"]))
    server.on("worker_registered", lambda *_: print("registered", flush=True))
    lost = LostJobs(livekit)
    lost.watch(server)
    await server.run()


if __name__ == "__main__":
    sys.exit(asyncio.run(serve()))

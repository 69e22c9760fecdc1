"""Jobs whose process, or whose whole agent server, was killed: their agents are taken out of the
rooms, and that is noted there.

LiveKit keeps a participant whose process has gone for 20 s, and shows nobody that its job failed.
Only the agent server knows at once; the gateways, which send another agent, read its note.
"""

import asyncio
import logging

import aiohttp
from livekit import api
from livekit.agents import AgentServer
from livekit.agents.ipc.job_executor import JobExecutor, JobStatus
from livekit.agents.job import RunningJobInfo

from agent.job_book import BookedCall, JobBook
from parley.room_events import LOST_JOB_AGENT
from parley.settings.orchestrator import LiveKitSection

TIMEOUT_S = 5.0

_log = logging.getLogger(__name__)


class LostJobs:
    """Watches the job processes of one agent server; `aclose` it after the server.

    `book`: where it writes its calls down, and finds those of a server that has died.
    """

    def __init__(self, settings: LiveKitSection, book: JobBook | None = None) -> None:
        self._settings = settings
        self._book = book
        self._removing: set[asyncio.Task[None]] = set()

    def watch(self, server: AgentServer) -> None:
        """Before the server runs."""
        # The framework tells LiveKit of the end of a process, and LiveKit tells nobody.

        def started() -> None:
            server._proc_pool.on("process_job_launched", self._launched)
            server._proc_pool.on("process_closed", self._process_closed)

        server.on("worker_started", started)
        # Not before this server can take the calls that it brings back.
        server.on("worker_registered", lambda *_: self._inherit())

    async def aclose(self) -> None:
        """Waits for what is being removed."""
        await asyncio.gather(*self._removing, return_exceptions=True)
        if self._book is not None:
            self._book.close()

    def _launched(self, process: JobExecutor) -> None:
        if self._book is not None and process.running_job is not None:
            self._book.begun(_booked(process.running_job))

    def _process_closed(self, process: JobExecutor) -> None:
        if (job := process.running_job) is None:
            return
        if self._book is not None:
            self._book.ended(job.job.room.name)
        if process.status is JobStatus.FAILED:
            self._lost(_booked(job))

    def _inherit(self) -> None:
        for call in self._book.left_behind() if self._book is not None else ():
            self._lost(call)

    def _lost(self, call: BookedCall) -> None:
        removing = asyncio.create_task(self._remove(call), name="remove-lost-agent")
        self._removing.add(removing)
        removing.add_done_callback(self._removing.discard)

    async def _remove(self, lost: BookedCall) -> None:
        room, identity = lost.room, lost.identity
        _log.error("the process of the call in %s has died", room)
        try:
            async with api.LiveKitAPI(
                self._settings.url,
                self._settings.api_key,
                self._settings.api_secret.get_secret_value(),
                timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
            ) as livekit:
                listed = await livekit.room.list_rooms(api.ListRoomsRequest(names=[room]))
                if not listed.rooms:
                    return  # the person has left meanwhile; a note would open the room anew
                await _take_out(livekit, room, identity)
                await livekit.agent_dispatch.create_dispatch(
                    api.CreateAgentDispatchRequest(
                        agent_name=LOST_JOB_AGENT, room=room, metadata=lost.dispatch_id
                    )
                )
        except (TimeoutError, aiohttp.ClientError, api.ServerError) as error:
            _log.warning("LiveKit will take 20 s to see that %s has gone: %s", identity, error)


def _booked(job: RunningJobInfo) -> BookedCall:
    return BookedCall(job.job.room.name, job.accept_arguments.identity, job.job.dispatch_id)


async def _take_out(livekit: api.LiveKitAPI, room: str, identity: str) -> None:
    try:
        await livekit.room.remove_participant(
            api.RoomParticipantIdentity(room=room, identity=identity)
        )
    except api.ServerError as error:
        if error.code != api.ServerErrorCode.NOT_FOUND:  # it had not come that far
            raise

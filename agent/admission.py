"""How many calls this agent server takes: counted where they are taken, and told to gateways."""

from collections.abc import Callable, Mapping

from livekit.agents import AgentServer, JobRequest
from livekit.agents.ipc.supervised_proc import SupervisedProc

TARGET_LOAD = 0.7
"""A LiveKit server offers no jobs to a worker with this load or more."""
FULL_LOAD = 0.69
"""Of a server without a free place. It is still offered calls, and declines them: LiveKit hears of
a load up to 3 s late and offers a call once, so whoever called just after another had hung up
would get no agent."""


class Admission:
    """Takes as many calls as there is room for, counting those that are just being taken.

    `jobs`: the rooms of the calls that hold a place, by the ids of their jobs.
    """

    def __init__(self, max_sessions: int, jobs: Callable[[], Mapping[str, str]]) -> None:
        self.max_sessions = max_sessions
        self._jobs = jobs
        self._being_taken: dict[str, str] = {}

    def rooms(self) -> tuple[str, ...]:
        """Of the calls that hold a place."""
        return tuple((self._being_taken | dict(self._jobs())).values())

    def load(self, _: AgentServer) -> float:
        """0 without calls; always so little that LiveKit offers the next one."""
        return min(FULL_LOAD, TARGET_LOAD * len(self.rooms()) / self.max_sessions)

    async def answer(self, request: JobRequest) -> None:
        if len(self.rooms()) >= self.max_sessions:
            await request.reject(terminate=False)  # another agent may have room
            return
        self._being_taken[request.id] = request.room.name
        try:
            await request.accept(name="Parley")
        finally:
            del self._being_taken[request.id]


def jobs_of(server: AgentServer) -> dict[str, str]:
    """The rooms of the jobs that a server's processes work on, but for those that are ending.

    A process takes a moment to end after its call has; the next caller need not wait for that.
    """
    return {
        job.job.id: job.job.room.name
        for process in server._proc_pool.processes
        if (job := process.running_job) is not None and not _is_ending(process)
    }


def _is_ending(process: object) -> bool:
    return isinstance(process, SupervisedProc) and process._shutting_down_fut.done()

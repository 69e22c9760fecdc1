"""What is killed of the cluster under calls: jobs, an agent server, Redis, a LiveKit node."""

import asyncio
import os
import signal
from collections.abc import Callable

import psutil

from bench.nodes.cluster import Cluster
from bench.nodes.talker import Talker
from bench.nodes.trial import (
    AGAIN_S,
    CALLERS,
    MOST_CALLS,
    ClusterTrial,
    More,
    audible_again,
    judged,
    talking,
    until,
)
from parley.errors import SupervisorError

JOB_S = 10.0
"""For another agent to be there and to be heard."""
SERVER_S = 25.0
"""Its successor has to start first, and knows its calls from its book."""
REJOINED_S = 10.0
"""The same for a node, whose clients come back by the other one."""


async def killed_job(cluster: Cluster) -> ClusterTrial:
    """The processes of the calls that agent server a has; the gateway's watch dispatches others."""
    async with talking(cluster, CALLERS, agent_may_be_replaced=True) as (talkers, more):
        victims = await _served_by_a(cluster, talkers, more)
        jobs = _jobs(cluster)

        def kill() -> None:
            for pid in jobs:
                os.kill(pid, signal.SIGKILL)

        waits = await _waits_after(victims, kill)
    what = f"{len(jobs)} jobs of a killed"
    return _timed("killed_job_s", what, waits, JOB_S, talkers)


async def killed_agent(cluster: Cluster) -> ClusterTrial:
    """Agent server a with all its calls."""
    async with talking(cluster, CALLERS, agent_may_be_replaced=True) as (talkers, more):
        victims = await _served_by_a(cluster, talkers, more)
        waits = await _waits_after(victims, lambda: cluster.signal("a", "agent", signal.SIGKILL))
    what = f"the agent server of a killed with {len(victims)} calls"
    return _timed("killed_agent_s", what, waits, SERVER_S, talkers)


async def killed_redis(cluster: Cluster) -> ClusterTrial:
    """Redis is away while each caller hears two stories; a call that comes after its return."""
    async with talking(cluster, CALLERS) as (talkers, more):
        heard = [len(talker.stories) for talker in talkers]
        loop = asyncio.get_running_loop()
        gone_s = loop.time()
        await cluster.redis.stop()
        await until(
            lambda: all(
                talker.lost or len(talker.stories) >= before + 2
                for talker, before in zip(talkers, heard, strict=True)
            ),
            within_s=AGAIN_S * 2,
        )
        away_s = loop.time() - gone_s
        await cluster.redis.start()
        await more(1)
    what = f"Redis killed, and away for {away_s:.0f} s; a call that came after its return"
    return judged("killed_redis", what, talkers)


async def killed_livekit(cluster: Cluster) -> ClusterTrial:
    """Node a dies: whoever was on it asks again, and is answered."""
    cluster.prefer("a")
    async with talking(cluster, CALLERS, agent_may_be_replaced=True) as (talkers, _):

        def kill() -> None:
            cluster.signal("a", "livekit", signal.SIGKILL)
            cluster.prefer("b")

        waits = await _waits_after(talkers, kill)
    return _timed("killed_livekit_s", "the LiveKit node a killed", waits, REJOINED_S, talkers)


async def _served_by_a(cluster: Cluster, talkers: list[Talker], more: More) -> list[Talker]:
    """Those whose agent is one of server a; others call until there is one."""
    while not (rooms := cluster.agents_of("a") & {talker.room for talker in talkers}):
        if len(talkers) >= MOST_CALLS:
            raise SupervisorError(f"of {len(talkers)} calls the agent server of a has none")
        await more(1)
    return [talker for talker in talkers if talker.room in rooms]


async def _waits_after(victims: list[Talker], kill: Callable[[], object]) -> list[float]:
    """Seconds until each of them heard the agent again."""
    loop = asyncio.get_running_loop()
    killed_s = loop.time()
    kill()
    return list(await asyncio.gather(*(audible_again(victim, killed_s) for victim in victims)))


def _timed(
    name: str, what: str, waits: list[float], within_s: float, talkers: list[Talker]
) -> ClusterTrial:
    told = ", ".join(f"{wait:.1f}" for wait in sorted(waits))
    return ClusterTrial(
        name,
        f"{what} under {CALLERS} calls: heard again after {told} s",
        max(waits),
        within_s,
        sum(len(talker.stories) for talker in talkers),
    )


def _jobs(cluster: Cluster) -> list[int]:
    """Processes of agent server a that have media ports open: idle ones have none."""
    server = psutil.Process(cluster.pid("a", "agent"))
    return [
        child.pid for child in server.children(recursive=True) if child.net_connections(kind="udp")
    ]

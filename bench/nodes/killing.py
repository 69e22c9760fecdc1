"""What is killed of the cluster under calls: jobs, an agent server, Redis, a gateway, a node."""

import asyncio
import os
import signal
from collections.abc import Callable
from dataclasses import replace

import psutil

from bench.nodes.cluster import NAMES, Cluster
from bench.nodes.talker import Talker
from bench.nodes.trial import (
    AGAIN_S,
    CALLERS,
    MOST_CALLS,
    ClusterTrial,
    More,
    admitted,
    audible_again,
    heard_on,
    is_back,
    judged,
    refusal,
    talking,
    until,
)
from parley.errors import SupervisorError

JOB_S = 10.0
"""For another agent to be there and to be heard."""
SERVER_S = 25.0
"""Its successor has to start first, and knows its calls from its book."""
AWAY_S, ADMITTED_S = 60.0, 5.0
"""Redis; the time after its return within which a new call is let in."""
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
    """Redis is away for a minute while each caller hears stories; calls come meanwhile and after
    its return."""
    async with talking(cluster, CALLERS) as (talkers, more):
        heard = [len(talker.stories) for talker in talkers]
        for talker in talkers:
            talker.by_words = True  # the agent's state is told over Redis
        loop = asyncio.get_running_loop()
        gone_s = loop.time()
        await asyncio.to_thread(cluster.redis.stop)
        await until(
            lambda: loop.time() - gone_s >= AWAY_S and heard_on(talkers, heard),
            within_s=AGAIN_S * 2,
        )
        refused = await refusal(cluster)
        away_s = loop.time() - gone_s
        await asyncio.to_thread(cluster.redis.start)
        admitted_s = await admitted(cluster, within_s=AGAIN_S)
        await more(1)
    what = f"Redis killed, and away for {away_s:.0f} s; a call that came meanwhile: {refused}; "
    what += f"one was let in {admitted_s:.1f} s after its return, and another was heard out"
    return _and_let_in(judged("killed_redis", what, talkers), admitted_s)


async def killed_gateway(cluster: Cluster) -> ClusterTrial:
    """Gateway a, which gave the callers their tokens; who calls next is given one by b."""
    cluster.prefer("a")
    async with talking(cluster, CALLERS) as (talkers, more):
        heard = [len(talker.stories) for talker in talkers]
        loop = asyncio.get_running_loop()
        old, killed_s = cluster.pid("a", "gateway"), loop.time()
        cluster.signal("a", "gateway", signal.SIGKILL)

        def is_another() -> bool:
            return is_back(cluster, "gateway") and cluster.pid("a", "gateway") != old

        async with asyncio.TaskGroup() as meanwhile:
            admission = meanwhile.create_task(admitted(cluster, within_s=AGAIN_S))
            await until(is_another, within_s=AGAIN_S)
            back_s = loop.time() - killed_s
        admitted_s = admission.result()
        await more(1)
        await until(lambda: heard_on(talkers, heard), within_s=AGAIN_S * 2)
    what = f"gateway a killed under {CALLERS} calls: one was let in by b after {admitted_s:.1f} s, "
    what += f"and another was heard out; a was back after {back_s:.1f} s"
    return _and_let_in(judged("killed_gateway", what, talkers), admitted_s)


def _and_let_in(trial: ClusterTrial, admitted_s: float) -> ClusterTrial:
    """Who was let in too late counts as one story lost."""
    return trial if admitted_s <= ADMITTED_S else replace(trial, figure=trial.figure + 1)


async def killed_livekit(cluster: Cluster) -> ClusterTrial:
    """Node a dies: whoever was on it asks again, and is answered."""
    cluster.prefer("a")
    async with talking(cluster, CALLERS, agent_may_be_replaced=True) as (talkers, _):

        def kill() -> None:
            cluster.signal("a", "livekit", signal.SIGKILL)
            cluster.prefer("b")

        waits = await _waits_after(talkers, kill)
    return _timed("killed_livekit_s", "the LiveKit node a killed", waits, REJOINED_S, talkers)


async def killed_across(cluster: Cluster) -> ClusterTrial:
    """Node a dies, by which nobody has come in: whoever has a room on it loses sound alone."""
    cluster.prefer("b")
    async with talking(cluster, CALLERS, agent_may_be_replaced=True) as (talkers, more):
        while len(await _nodes_of(cluster, talkers)) < len(NAMES):
            if len(talkers) >= MOST_CALLS:
                raise SupervisorError(f"the rooms of {len(talkers)} calls are on one node")
            await more(1)
        waits = await _waits_after(talkers, lambda: cluster.signal("a", "livekit", signal.SIGKILL))
    what = "node a killed, and all callers had come in by b,"
    return _timed("killed_across_s", what, waits, REJOINED_S, talkers)


async def _nodes_of(cluster: Cluster, talkers: list[Talker]) -> set[str]:
    rooms = {talker.room for talker in talkers}
    return {node for room, node in (await cluster.nodes()).items() if room in rooms}


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
    told += " s" + "".join(f"; LOST: {talker.lost}" for talker in talkers if talker.lost)
    return ClusterTrial(
        name,
        f"{what} under {CALLERS} calls: heard again after {told}",
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

"""`./run bench cluster`: two LiveKit nodes and two agent servers under calls that must not end.

Rooms and agents on both; then an agent server and a node are replaced while four people talk, and
jobs, an agent server, a node, a gateway and Redis are killed. What the callers heard decides.
"""

import asyncio
import json
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType

from rich.console import Console

from bench.machine import Machine
from bench.nodes.cluster import NAMES, PARTS, Cluster, running
from bench.nodes.killing import (
    killed_across,
    killed_agent,
    killed_gateway,
    killed_job,
    killed_livekit,
    killed_redis,
)
from bench.nodes.talker import Talker
from bench.nodes.trial import (
    AGAIN_S,
    CALLERS,
    MOST_CALLS,
    ClusterTrial,
    heard_on,
    is_back,
    judged,
    talking,
    until,
)
from bench.promise import Promise, print_promises
from parley.arguments import CommandParser
from parley.errors import ParleyError, SupervisorError


def main(arguments: list[str]) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    if strange := sorted(set(options.trials) - set(TRIALS)):
        parser.error(f"there is no trial {strange[0]}; there are {', '.join(TRIALS)}")
    try:
        with tempfile.TemporaryDirectory(prefix="parley-cluster-") as folder:
            chosen = options.trials or list(TRIALS)
            trials = asyncio.run(_all(options.keep or Path(folder), chosen))
    except ParleyError as error:
        print(f"parley: {error}", file=sys.stderr)
        return 2
    promises = [Promise(trial.name, trial.required, trial.figure) for trial in trials]
    if options.json:
        document = {
            "benchmark": "cluster",
            "machine": asdict(Machine.this()),
            "trials": [asdict(trial) for trial in trials],
            "promises": [promise.document() for promise in promises],
        }
        print(json.dumps(document, indent=2))
    else:
        for trial in trials:
            print(f"{trial.name:<16} {trial.what}")
        print_promises(Console(), promises)
    return 0 if all(promise.kept for promise in promises) else 1


async def _all(folder: Path, chosen: Sequence[str]) -> list[ClusterTrial]:
    trials = []
    async with running(folder) as cluster:
        for name in chosen:
            trials.append(await TRIALS[name](cluster))
            _say(trials[-1])
            await until(lambda: _is_whole(cluster), within_s=AGAIN_S)
    return trials


async def _spread(cluster: Cluster) -> ClusterTrial:
    """Calls until rooms are on both nodes and agents of both servers are in them."""
    async with talking(cluster, CALLERS) as (talkers, more):
        while len(talkers) < MOST_CALLS and not await _is_spread(cluster, talkers):
            await more(1)
        if not await _is_spread(cluster, talkers):
            raise SupervisorError(f"{len(talkers)} calls, and one node or one agent has none")
        rooms = {talker.room for talker in talkers}
        nodes = {room: node for room, node in (await cluster.nodes()).items() if room in rooms}
        ids = sorted(set(nodes.values()))
        counts = " and ".join(str(list(nodes.values()).count(each)) for each in ids)
        served = " and ".join(str(len(cluster.agents_of(name) & rooms)) for name in NAMES)
    # All came in by one node: those whose room is on the other were calls across.
    what = f"{len(talkers)} calls: rooms on the nodes {counts}, agents of the servers {served}"
    return judged("spread", what, talkers)


async def _is_spread(cluster: Cluster, talkers: list[Talker]) -> bool:
    rooms = {talker.room for talker in talkers}
    nodes = {node for room, node in (await cluster.nodes()).items() if room in rooms}
    agents = [cluster.agents_of(name) & rooms for name in NAMES]
    return len(nodes) == len(NAMES) and all(agents)


async def _replaced(cluster: Cluster, part: str) -> ClusterTrial:
    """The one of node a is told to end under calls, and another is there once it has."""
    cluster.prefer("a")
    async with talking(cluster, CALLERS) as (talkers, more):
        old = cluster.pid("a", part)
        cluster.signal("a", part, signal.SIGTERM)
        cluster.prefer("b")
        heard = [len(talker.stories) for talker in talkers]
        await more(1)
        await until(lambda: heard_on(talkers, heard), within_s=AGAIN_S * 2)
        went_on = _runs(cluster, part, old)
    await until(lambda: not _runs(cluster, part, old) and is_back(cluster, part), within_s=AGAIN_S)
    what = f"{part} of a replaced under {CALLERS} calls and one that came meanwhile"
    return judged(f"update_{part}", f"{what}; it {'waited' if went_on else 'left'}", talkers)


async def _agent_replaced(cluster: Cluster) -> ClusterTrial:
    return await _replaced(cluster, "agent")


async def _livekit_replaced(cluster: Cluster) -> ClusterTrial:
    return await _replaced(cluster, "livekit")


TRIALS: Mapping[str, Callable[[Cluster], Awaitable[ClusterTrial]]] = MappingProxyType(
    {
        "spread": _spread,
        "update_agent": _agent_replaced,
        "update_livekit": _livekit_replaced,
        "killed_job": killed_job,
        "killed_agent": killed_agent,
        "killed_livekit": killed_livekit,
        "killed_across": killed_across,
        "killed_redis": killed_redis,
        "killed_gateway": killed_gateway,
    }
)


def _runs(cluster: Cluster, part: str, pid: int) -> bool:
    try:
        return cluster.pid("a", part) == pid
    except SupervisorError:
        return False


def _is_whole(cluster: Cluster) -> bool:
    return all(is_back(cluster, part) for part in PARTS)


def _say(trial: ClusterTrial) -> None:
    print(f"{trial.name}: {trial.what}", file=sys.stderr, flush=True)


def _parser() -> CommandParser:
    parser = CommandParser(prog="./run bench cluster", description=__doc__)
    parser.add_argument("trials", nargs="*", metavar="TRIAL", help=", ".join(TRIALS))
    parser.add_argument("--json", action="store_true", help="one document on standard output")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="leave settings and logs there")
    return parser

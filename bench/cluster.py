"""`./run bench cluster`: two LiveKit nodes and two agent servers under calls that must not end.

Rooms and agents on both; then an agent server and a node are replaced while four people talk, and a
node is killed. What the callers heard decides.
"""

import asyncio
import json
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console

from bench.machine import Machine
from bench.nodes.cluster import NAMES, Cluster, running
from bench.nodes.talker import LEAST_S, Talker
from bench.promise import Promise, print_promises
from parley.arguments import CommandParser
from parley.errors import ParleyError, SupervisorError

CALLERS = 4
MOST_CALLS = 8
REJOINED_S = 10.0
AGAIN_S = 60.0
POLL_S = 0.2
FIRST_STORY_S = 90.0


@dataclass(frozen=True)
class ClusterTrial:
    """`figure` is what is promised: calls that broke off or stories cut short, else seconds."""

    name: str
    what: str
    figure: float
    required: float
    stories: int


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="parley-cluster-") as folder:
            trials = asyncio.run(_all(options.keep or Path(folder)))
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


async def _all(folder: Path) -> list[ClusterTrial]:
    async with running(folder) as cluster:
        trials = [await _spread(cluster)]
        _say(trials[-1])
        for part in ("agent", "livekit"):
            trials.append(await _replaced(cluster, part))
            _say(trials[-1])
        trials.append(await _killed(cluster))
        _say(trials[-1])
    return trials


async def _spread(cluster: Cluster) -> ClusterTrial:
    """Calls until rooms are on both nodes and agents of both servers are in them."""
    async with _talking(cluster, CALLERS) as (talkers, more):
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
    return _judged("spread", what, talkers)


async def _is_spread(cluster: Cluster, talkers: list[Talker]) -> bool:
    rooms = {talker.room for talker in talkers}
    nodes = {node for room, node in (await cluster.nodes()).items() if room in rooms}
    agents = [cluster.agents_of(name) & rooms for name in NAMES]
    return len(nodes) == len(NAMES) and all(agents)


async def _replaced(cluster: Cluster, part: str) -> ClusterTrial:
    """The one of node a is told to end under calls, and another is there once it has."""
    cluster.prefer("a")
    async with _talking(cluster, CALLERS) as (talkers, more):
        old = cluster.pid("a", part)
        cluster.signal("a", part, signal.SIGTERM)
        cluster.prefer("b")
        heard = [len(talker.stories) for talker in talkers]
        await more(1)
        await _until(
            lambda: all(
                talker.lost or len(talker.stories) >= before + 2
                for talker, before in zip(talkers, heard, strict=False)
            ),
            within_s=AGAIN_S * 2,
        )
        went_on = _runs(cluster, part, old)
    await _until(
        lambda: not _runs(cluster, part, old) and _is_back(cluster, part), within_s=AGAIN_S
    )
    what = f"{part} of a replaced under {CALLERS} calls and one that came meanwhile"
    return _judged(f"update_{part}", f"{what}; it {'waited' if went_on else 'left'}", talkers)


async def _killed(cluster: Cluster) -> ClusterTrial:
    """Node a dies: whoever was on it asks again, and is answered."""
    cluster.prefer("a")
    loop = asyncio.get_running_loop()
    async with _talking(cluster, CALLERS, agent_may_be_replaced=True) as (talkers, _):
        heard = [len(talker.stories) for talker in talkers]
        killed_s = loop.time()
        cluster.signal("a", "livekit", signal.SIGKILL)
        cluster.prefer("b")
        waits = await asyncio.gather(
            *(
                _audible_again(talker, killed_s, before)
                for talker, before in zip(talkers, heard, strict=True)
            )
        )
    return ClusterTrial(
        "killed_livekit_s",
        f"a killed under {CALLERS} calls: heard again after "
        + ", ".join(f"{wait:.1f}" for wait in sorted(waits))
        + " s",
        max(waits),
        REJOINED_S,
        sum(len(talker.stories) for talker in talkers),
    )


async def _audible_again(talker: Talker, since_s: float, before: int) -> float:
    """Seconds until the agent sounded after a silence that began then; those that are not cut off
    are not silent at all."""
    client = talker.client
    assert client is not None
    await asyncio.sleep(1.0)  # what was on its way has been heard
    at_s = client.clock()
    await _until(lambda: bool(talker.lost) or not client.ear.quiet_since(at_s), within_s=AGAIN_S)
    if talker.lost:
        return AGAIN_S
    return asyncio.get_running_loop().time() - since_s


def _judged(name: str, what: str, talkers: list[Talker]) -> ClusterTrial:
    """How many calls broke off, and stories that were cut short."""
    lost = [talker.lost for talker in talkers if talker.lost]
    stories = [story for talker in talkers for story in talker.stories]
    short = [story for story in stories if story.sounded_s < LEAST_S]
    broken = sum(story.broken for story in stories)
    slowest_s = max((story.waited_s for story in stories), default=0.0)
    told = f"{what}; {len(stories)} stories, the slowest after {slowest_s:.1f} s"
    told += f"; broken off as no voice does {broken} times" if broken else ""
    told += "".join(f"; LOST: {each}" for each in lost) + (f"; {len(short)} cut" if short else "")
    return ClusterTrial(f"{name}_lost", told, len(lost) + len(short), 0, len(stories))


@asynccontextmanager
async def _talking(
    cluster: Cluster, count: int, *, agent_may_be_replaced: bool = False
) -> AsyncIterator[tuple[list[Talker], Callable[[int], "asyncio.Future[None]"]]]:
    """So many callers who have each heard a story, and a way to have more of them."""
    talkers: list[Talker] = []
    tasks: list[asyncio.Task[None]] = []

    async def call(number: int) -> None:
        new = [Talker() for _ in range(number)]
        talkers.extend(new)
        tasks.extend(
            asyncio.create_task(talker.talk(cluster, agent_may_be_replaced=agent_may_be_replaced))
            for talker in new
        )
        await _until(
            lambda: all(talker.lost or talker.stories for talker in new), within_s=FIRST_STORY_S
        )

    try:
        await call(count)
        yield talkers, lambda number: asyncio.ensure_future(call(number))
    finally:
        for talker in talkers:
            talker.hung_up.set()
        await asyncio.gather(*tasks, return_exceptions=True)


def _runs(cluster: Cluster, part: str, pid: int) -> bool:
    try:
        return cluster.pid("a", part) == pid
    except SupervisorError:
        return False


def _is_back(cluster: Cluster, part: str) -> bool:
    (found,) = (each for each in cluster.stacks["a"].status if each.name == part)
    return found.pid is not None and found.state.value == "ready"


async def _until(condition: Callable[[], bool], *, within_s: float) -> None:
    """Raises SupervisorError where it does not come to be so."""
    try:
        async with asyncio.timeout(within_s):
            while not condition():  # noqa: ASYNC110 - it is other processes that change it
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        raise SupervisorError(f"what was waited for did not come within {within_s:.0f} s") from None


def _say(trial: ClusterTrial) -> None:
    print(f"{trial.name}: {trial.what}", file=sys.stderr, flush=True)


def _parser() -> CommandParser:
    parser = CommandParser(prog="./run bench cluster", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one document on standard output")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="leave settings and logs there")
    return parser

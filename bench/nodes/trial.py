"""What the trials of the cluster share: callers who talk on, and what they heard judged."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bench.nodes.cluster import Cluster
from bench.nodes.talker import LEAST_S, Talker
from caller.client import join
from caller.errors import CallError
from parley.errors import SupervisorError

CALLERS = 4
MOST_CALLS = 8
AGAIN_S = 60.0
POLL_S = 0.2
FIRST_STORY_S = 90.0
LET_IN = "let in"

More = Callable[[int], "asyncio.Future[None]"]
"""Has so many others call; done once each has heard a story."""


@dataclass(frozen=True)
class ClusterTrial:
    """`figure` is what is promised: calls that broke off or stories cut short, else seconds."""

    name: str
    what: str
    figure: float
    required: float
    stories: int


def judged(name: str, what: str, talkers: list[Talker]) -> ClusterTrial:
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


def heard_on(talkers: Sequence[Talker], before: Sequence[int]) -> bool:
    """Whether each of the first talkers has heard two stories more than `before`, or is lost."""
    pairs = zip(talkers, before, strict=False)
    return all(talker.lost or len(talker.stories) >= count + 2 for talker, count in pairs)


def is_back(cluster: Cluster, part: str) -> bool:
    """Whether that part of a runs and is ready."""
    (found,) = (each for each in cluster.stacks["a"].status if each.name == part)
    return found.pid is not None and found.state.value == "ready"


async def audible_again(talker: Talker, since_s: float) -> float:
    """Seconds until the agent sounded after a silence that began then, on the event loop's clock;
    those that are not cut off are not silent at all. AGAIN_S where it does not, or is lost."""
    client = talker.client
    assert client is not None
    await asyncio.sleep(1.0)  # what was on its way has been heard
    at_s = client.clock()
    try:
        await until(lambda: bool(talker.lost) or not client.ear.quiet_since(at_s), within_s=AGAIN_S)
    except SupervisorError:
        return AGAIN_S
    if talker.lost:
        return AGAIN_S
    return asyncio.get_running_loop().time() - since_s


async def refusal(cluster: Cluster) -> str:
    """What a call is told that comes now."""
    try:
        async with join(await cluster.access()):
            return LET_IN
    except CallError as error:
        return str(error)


async def admitted(cluster: Cluster, *, within_s: float) -> float:
    """Seconds until a caller who tries again and again is let in; `within_s` where nobody is."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    while loop.time() - began_s < within_s:
        if await refusal(cluster) == LET_IN:
            return loop.time() - began_s
        await asyncio.sleep(POLL_S)
    return within_s


@asynccontextmanager
async def talking(
    cluster: Cluster, count: int, *, agent_may_be_replaced: bool = False
) -> AsyncIterator[tuple[list[Talker], More]]:
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
        await until(
            lambda: all(talker.lost or talker.stories for talker in new), within_s=FIRST_STORY_S
        )

    try:
        await call(count)
        yield talkers, lambda number: asyncio.ensure_future(call(number))
    finally:
        for talker in talkers:
            talker.hung_up.set()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until(condition: Callable[[], bool], *, within_s: float) -> None:
    """Raises SupervisorError where it does not come to be so."""
    try:
        async with asyncio.timeout(within_s):
            while not condition():  # noqa: ASYNC110 - it is other processes that change it
                await asyncio.sleep(POLL_S)
    except TimeoutError:
        raise SupervisorError(f"what was waited for did not come within {within_s:.0f} s") from None

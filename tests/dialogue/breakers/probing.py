"""A process whose callers come at a breaker all at once: `probing.py REDIS_URL NAME CALLERS`.

It says that it is ready and begins when it is told to; says how many calls were made and how many
refused; and ends its calls, with success, when it is told to again.
"""

import asyncio
import sys

from dialogue.breakers.breaker import BreakerOpenError, BreakerPolicy, Breakers
from dialogue.breakers.shared import RedisCircuits

POLICY = BreakerPolicy(bad_calls=1, open_s=0.05, probe_s=120.0)


async def _told() -> None:
    await asyncio.to_thread(sys.stdin.readline)


async def _come(url: str, name: str, callers: int) -> None:
    # Deadlines are for people who wait: the two processes share two busy cores with all else.
    breakers = Breakers(circuits=RedisCircuits(url, timeout_s=60.0), policy=POLICY)
    breaker = breakers.of(name)
    made = refused = 0
    all_have_come, may_end = asyncio.Event(), asyncio.Event()

    def count() -> None:
        if made + refused == callers:
            all_have_come.set()

    async def call() -> None:
        nonlocal made, refused
        try:
            async with breaker.guard():
                made += 1
                count()
                await may_end.wait()
        except BreakerOpenError:
            refused += 1
            count()

    print("ready", flush=True)
    await _told()
    async with asyncio.TaskGroup() as calls:
        for _ in range(callers):
            calls.create_task(call())
        await all_have_come.wait()
        print(made, refused, flush=True)
        await _told()
        may_end.set()
    await breakers.aclose()


if __name__ == "__main__":
    asyncio.run(_come(sys.argv[1], sys.argv[2], int(sys.argv[3])))

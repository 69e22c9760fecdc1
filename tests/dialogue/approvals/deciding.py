"""A process that decides about an approval ten times at once: `deciding.py PLACE APPROVAL_ID NAME`.

It says that it is ready, begins when it is told to, and prints how many of them have won.
"""

import asyncio
import sys

from dialogue.approvals.approval import ApprovalDecidedError, ApprovalDecision
from dialogue.approvals.sql import SqlApprovals

AT_ONCE = 10


async def _decide(place: str, approval_id: str, name: str) -> int:
    store = SqlApprovals(place, timeout_s=30.0)

    async def one(number: int) -> int:
        decision = ApprovalDecision(approved=number % 2 == 0, approver_id=f"{name}{number}")
        try:
            await store.decide(approval_id, decision)
        except ApprovalDecidedError:
            return 0
        return 1

    won = sum(await asyncio.gather(*map(one, range(AT_ONCE))))
    await store.aclose()
    return won


if __name__ == "__main__":
    print("ready", flush=True)
    sys.stdin.readline()
    print(asyncio.run(_decide(*sys.argv[1:4])), flush=True)

"""What calls cost those who begin them: one of their calls, its voice, and the time it lasts."""

from collections.abc import Collection
from dataclasses import dataclass
from http import HTTPStatus

from starlette.requests import HTTPConnection

from gateway.calls.tokens import TOKEN_TTL
from gateway.errors import ApiError
from gateway.identity import Identities
from parley.budgets import Budgets, Spent, in_words
from parley.clock import Clock, monotonic

LEAST_CALL_S = 60
"""Who has less left than that is told when to come back: it would be no call."""
CHARGED_EVERY_S = 10.0

_SPENT = {
    Spent.CALLS: "You have made as many calls as you may for now",
    Spent.CALL_SECONDS: "You have talked for as long as you may for now",
    Spent.VOICE_CHANGES: "You have chosen as many voices as you may for now",
    Spent.MESSAGES: "You have sent as many messages as you may for now",
}


def spent_error(what: Spent, wait_s: int) -> ApiError:
    """429, in words that the page shows."""
    return ApiError(
        HTTPStatus.TOO_MANY_REQUESTS,
        "budget_spent",
        f"{_SPENT[what]}: try again in {in_words(wait_s)}.",
        retry_after_s=wait_s,
    )


@dataclass
class _Followed:
    let_in_at_s: float
    charged_until_s: float | None = None
    """None: its room has not been seen yet."""


class CallMeter:
    """Charges the time of the calls that this gateway has let in, from the first look at which
    their room is there to the last.

    A gateway that ends forgets the rest of the calls that it let in. In a room that several share
    each is charged for as long as there is a room.
    """

    def __init__(self, budgets: Budgets, *, clock: Clock = monotonic) -> None:
        self._budgets = budgets
        self._clock = clock
        self._followed: dict[tuple[str, str], _Followed] = {}

    def follow(self, room: str, identity: str) -> None:
        self._followed[room, identity] = _Followed(self._clock())

    async def look(self, rooms: Collection[str]) -> None:
        """`rooms`: the names of all that there are now."""
        now_s = self._clock()
        for (room, identity), call in list(self._followed.items()):
            is_there, since_s = room in rooms, call.charged_until_s
            if since_s is None:
                if is_there:
                    call.charged_until_s = now_s
                elif now_s - call.let_in_at_s > TOKEN_TTL.total_seconds():
                    del self._followed[room, identity]  # nobody has used the token
                continue
            if not is_there:
                del self._followed[room, identity]
            elif now_s - since_s < CHARGED_EVERY_S:
                continue
            call.charged_until_s = now_s
            await self._budgets.charge(Spent.CALL_SECONDS, identity, now_s - since_s)


class CallBudgets:
    """Asked before a call is let in, and told once it is."""

    def __init__(self, budgets: Budgets, meter: CallMeter, identities: Identities) -> None:
        self._budgets = budgets
        self._meter = meter
        self._identities = identities

    def identity_of(self, connection: HTTPConnection) -> str:
        """On whose account it is."""
        return self._identities.of(connection)

    async def spend_call(self, identity: str) -> None:
        """Raises ApiError where the identity may not call now."""
        wait_s = await self._budgets.wait_s(Spent.CALL_SECONDS, identity, LEAST_CALL_S)
        if wait_s is not None:
            raise spent_error(Spent.CALL_SECONDS, wait_s)
        await self._spend(Spent.CALLS, identity)

    async def spend_voice(self, identity: str) -> None:
        """Of a call that wants another voice than the default; raises ApiError."""
        await self._spend(Spent.VOICE_CHANGES, identity)

    async def give_back_call(self, identity: str) -> None:
        await self._budgets.charge(Spent.CALLS, identity, -1)

    async def longest_s(self, identity: str) -> float | None:
        """Seconds that the call may last; None: as long as any."""
        return await self._budgets.left(Spent.CALL_SECONDS, identity)

    def let_in(self, room: str, identity: str) -> None:
        self._meter.follow(room, identity)

    async def _spend(self, what: Spent, identity: str) -> None:
        wait_s = await self._budgets.spend(what, identity)
        if wait_s is not None:
            raise spent_error(what, wait_s)

"""What the person of a call may still do: the budget that the gateway has put their call on."""

from parley.budgets import Spent, budgets_of
from parley.room_events import DispatchMetadata
from parley.settings import OrchestratorSettings


class PersonBudget:
    """Counted over all calls of the person where the settings name a Redis, else over this one.

    Raises ConfigurationError for what is no Redis address.
    """

    def __init__(self, settings: OrchestratorSettings, wishes: DispatchMetadata) -> None:
        self._budgets = budgets_of(settings)
        self._whose = wishes.budget or wishes.user
        left_s = wishes.longest_s
        self._left_s = None if left_s is None else max(left_s, 1.0)
        self._max_call_s = settings.agent.max_call_s

    async def message(self) -> int | None:
        """Takes one: None if it may be answered, else the whole seconds to wait."""
        return await self._budgets.spend(Spent.MESSAGES, self._whose)

    async def voice_change(self) -> int | None:
        """Takes one: None if it may be, else the whole seconds to wait."""
        return await self._budgets.spend(Spent.VOICE_CHANGES, self._whose)

    def longest_s(self, of_app: float | None) -> float | None:
        """Seconds that the call may last, by the app, the settings and the budget; None: any."""
        limits = [each for each in (of_app or self._max_call_s, self._left_s) if each]
        return min(limits, default=None)

    async def aclose(self) -> None:
        await self._budgets.aclose()

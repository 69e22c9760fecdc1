"""The agent of a session, as the experiments want it at the moment."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from dialogue.experiments.overrides import EngineOverrides
from parley.app.agent import Agent
from parley.errors import ConfigurationError

KNOWN_WITHIN_S = 0.25
"""An answer waits no longer for it: then what was known last holds."""

_log = logging.getLogger(__name__)

OverridesOf = Callable[[str], Awaitable[EngineOverrides]]
"""What experiments want otherwise for a user; never raises."""


class Variation:
    """Of one session."""

    def __init__(self, overrides_of: OverridesOf | None) -> None:
        self._overrides_of = overrides_of
        self._overrides = EngineOverrides()
        self._made: tuple[Agent, Agent] | None = None

    async def refresh(self, user: str) -> None:
        """Asks what is wanted for the user; returns soon."""
        if self._overrides_of is None:
            return
        try:
            async with asyncio.timeout(KNOWN_WITHIN_S):
                overrides = await self._overrides_of(user)
        except TimeoutError:
            _log.warning("it took too long to learn what experiments want")
            return
        if overrides != self._overrides:
            self._overrides, self._made = overrides, None

    def of(self, agent: Agent) -> Agent:
        """The agent with what is wanted otherwise; the same object until that changes."""
        if self._overrides.is_empty:
            return agent
        if self._made is None or self._made[0] is not agent:
            try:
                self._made = (agent, self._overrides.applied_to(agent))
            except ConfigurationError as error:
                _log.warning("an experiment does not fit agent %r: %s", agent.name, error)
                self._made = (agent, agent)
        return self._made[1]

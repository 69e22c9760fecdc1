"""A provider of language models as the registry has it: its model, its limit, how it is doing."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from dialogue.breakers.breaker import Breaker
from dialogue.breakers.circuit import BreakerOpenError
from dialogue.limits.buckets import Buckets
from dialogue.model_errors import ModelRequestError
from dialogue.providers.provider_model import ProviderModel
from parley.clock import Clock, monotonic
from parley.telemetry.models import ModelMetrics

BREAKER_PREFIX = "model:"
CHECK_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class ProviderHealth:
    """`healthy` None: nothing is known yet. `error`: why it is not, for operators."""

    healthy: bool | None = None
    error: str = ""
    told_at_s: float | None = None
    """When that was, on the registry's clock."""


@dataclass(kw_only=True)
class Provider:
    """One of several; `name` is the one in the settings."""

    name: str
    model: ProviderModel
    breaker: Breaker
    buckets: Buckets
    models: tuple[str, ...] = ()
    """The names it is asked for; empty: whichever it has."""
    per_minute: int = 0
    """Requests; 0: no limit of ours."""
    metrics: ModelMetrics | None = None
    clock: Clock = monotonic
    aclose: Callable[[], Awaitable[None]] | None = None
    health: ProviderHealth = field(default_factory=ProviderHealth, init=False)

    async def limited_for_s(self) -> int | None:
        """Takes one request: None if it may be made, else the seconds to wait."""
        if not self.per_minute:
            return None
        return await self.buckets.retry_after_s(f"{BREAKER_PREFIX}{self.name}", self.per_minute)

    def answered(self) -> None:
        """It has begun to answer: it is well, whatever was known."""
        self._is(True, "")

    def failed(self, error: ModelRequestError) -> None:
        """A request has failed. What passes is for the breaker; what lasts until somebody changes
        the settings puts it behind the others."""
        if error.is_permanent:
            self._is(False, str(error))

    def count(self, outcome: str) -> None:
        if self.metrics is not None:
            self.metrics.requests.labels(self.name, outcome).inc()

    def began_after(self, seconds: float) -> None:
        if self.metrics is not None:
            self.metrics.first_piece.labels(self.name).observe(seconds)

    async def check(self) -> None:
        """Asks whether it is there. What its breaker keeps away is left as it is."""
        try:
            async with self.breaker.guard(is_harmless=is_harmless):
                await self._checked()
        except BreakerOpenError:
            return
        except ModelRequestError as error:
            self._is(False, str(error))
        else:
            self._is(True, "")

    async def _checked(self) -> None:
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_S):
                await self.model.check()
        except TimeoutError:
            raise ModelRequestError(
                f"{self.name} did not answer a check within {CHECK_TIMEOUT_S:g} s",
                code="model_timeout",
                retryable=True,
            ) from None

    def _is(self, healthy: bool, error: str) -> None:
        self.health = ProviderHealth(healthy, error, self.clock())
        if self.metrics is not None:
            self.metrics.healthy.labels(self.name).set(healthy)


def is_harmless(error: Exception) -> bool:
    """Whether the provider works all the same: it refused what was asked."""
    return isinstance(error, ModelRequestError) and error.code == "model_refused"

"""The workers of one kind as a pool uses them: their channels, and which one to ask."""

import math
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from random import Random
from types import TracebackType
from typing import ClassVar, Self

from parley.clock import Clock, monotonic
from parley.discovery import Discovery
from parley.discovery.lease import Kind
from parley.errors import (
    SpeechError,
    VoiceNotFoundError,
    WorkersBusyError,
    WorkerUnavailableError,
)
from parley.speech.balancing.picker import Candidate, pick, usable
from parley.speech.balancing.roster import asking_roster
from parley.speech.balancing.scoreboard import Scoreboard
from parley.speech.channel import Channels
from parley.speech.node.link import NodeLink
from parley.speech.node.mirror import MirroredScoreboard
from parley.tls import ClientTls

PATIENCE_S = 4.0
"""How long a call waits for a worker to come back when none is left."""
WARM = 4
"""Connections made beforehand: the first reply at a worker does not wait for one."""


class Workers:
    """The workers that discovery knows; a pool for each kind of them is made of it.

    Use as an async context manager, inside the process and event loop that calls them. With
    `node`, what the node knows of the workers is read over the link; without, and while the link
    is down, the workers are asked from here.
    """

    KIND: ClassVar[Kind]

    def __init__(
        self,
        discovery: Discovery,
        *,
        tls: ClientTls | None = None,
        node: NodeLink | None = None,
        clock: Clock = monotonic,
        random: Random | None = None,
    ) -> None:
        self._channels = Channels(tls)
        self._clock = clock
        self._random = random or Random()  # noqa: S311 - spreads load, keeps no secret
        self.roster = asking_roster(discovery, self._channels, self.KIND, clock)
        """What is known where the workers are asked from here."""
        self.scoreboard: Scoreboard = (
            MirroredScoreboard(self.KIND, node, self.roster) if node else self.roster
        )
        self._running = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._running.push_async_callback(self._channels.aclose)
        await self._running.enter_async_context(self.scoreboard.watching())
        known = usable(self.scoreboard.candidates())
        for candidate in self._random.sample(known, k=min(WARM, len(known))):
            self._channels.to(candidate.target).get_state(try_to_connect=True)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._running.aclose()

    @property
    def channels(self) -> Channels:
        """Those to the workers; open as long as the pool is."""
        return self._channels

    async def pick(
        self,
        failed: Mapping[str, SpeechError],
        *,
        voice: str = "",
        patience_s: float = PATIENCE_S,
    ) -> Candidate:
        """The worker to ask next, none of `failed` (target → why) unless it has come back.

        Once one has refused, those known to be full are not asked: each would let the request wait
        for nothing. Waits up to `patience_s` where all are lost. Raises WorkersBusyError,
        VoiceNotFoundError or WorkerUnavailableError when there is none to ask.
        """
        give_up_at = self._clock() + patience_s
        exclude = set(failed)
        refused = any(isinstance(error, WorkersBusyError) for error in failed.values())
        while True:
            candidates = self.scoreboard.candidates()
            if refused:
                exclude.update(candidate.target for candidate in candidates if candidate.load >= 1)
            candidate = pick(candidates, random=self._random, voice=voice, exclude=exclude)
            if candidate is None and not failed:
                candidate = self._resting(candidates, voice)
            if candidate is not None:
                return candidate
            if candidates and not any(candidate.serves(voice) for candidate in candidates):
                raise VoiceNotFoundError(f"no speech worker has the voice {voice!r}")
            for error in failed.values():
                if isinstance(error, WorkersBusyError | VoiceNotFoundError):
                    raise error
            if self._clock() >= give_up_at:
                known = ", ".join(map(self.scoreboard.named, (c.target for c in candidates)))
                known = known or "none is known"
                raise WorkerUnavailableError(f"no speech worker can be reached ({known})")
            await self.scoreboard.updated()
            exclude.clear()  # one that was lost may be back

    def _resting(self, candidates: Sequence[Candidate], voice: str) -> Candidate | None:
        """Where all rest that answer, whoever has not lost one of them itself tries: the loss of
        another call may have been that call's own."""
        tried = [replace(each, circuit_closed=True) for each in candidates]
        return pick(tried, random=self._random, voice=voice)

    def expected_s(self, target: str, *, voice: str = "") -> float:
        """What one more request waits for where it is soonest served, at `target` or at a worker
        that could take over; 0 while nothing is known."""
        others = self.others(target, voice=voice)
        own_s = self.scoreboard.expected_s(target)
        return min(own_s, *(other.expected_s for other in others), math.inf)

    def soonest_s(self, *, voice: str = "") -> float:
        """How long a request takes where it is soonest served; 0 while nothing is known."""
        left = usable(self.scoreboard.candidates(), voice=voice)
        return min((each.expected_s for each in left), default=0.0)

    def others(self, target: str, *, voice: str = "") -> list[Candidate]:
        """The workers that could take over from the one at `target`."""
        return usable(self.scoreboard.candidates(), voice=voice, exclude={target})

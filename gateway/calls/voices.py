"""The voices that the speech workers can speak with."""

import asyncio
import logging
from collections.abc import Collection

from pydantic import BaseModel, ConfigDict

from parley.clock import Clock, monotonic
from parley.discovery import Discovery
from parley.errors import WorkerUnavailableError
from parley.rpc.v1 import status_pb2
from parley.speech.admin import WorkerAdmin
from parley.speech.channel import Channels

LIST_TIMEOUT_S = 1.0
FRESH_S = 1.0
"""A list serves all who ask within this time."""

_log = logging.getLogger(__name__)


class VoiceListing(BaseModel):
    """One voice; `ready` when its files are on some worker's machine."""

    model_config = ConfigDict(frozen=True)

    name: str
    engine: str
    languages: tuple[str, ...]
    sample_rate_hz: int
    license: str
    ready: bool
    default: bool


class VoiceCatalog:
    """Asks the workers that discovery knows, over `channels`; `aclose` closes those.

    Callers may choose among `offered` and the default; where nothing is offered, among those that
    are ready.
    """

    def __init__(
        self,
        default_voice: str,
        discovery: Discovery,
        channels: Channels,
        *,
        offered: Collection[str] = (),
        clock: Clock = monotonic,
    ) -> None:
        self._default = default_voice
        self._offered = offered
        self._discovery = discovery
        self._channels = channels
        self._workers = WorkerAdmin(discovery, channels)
        self._clock = clock
        self._asking = asyncio.Lock()
        self._listed: tuple[VoiceListing, ...] = ()
        self._listed_at_s: float | None = None

    async def aclose(self) -> None:
        await self._channels.aclose()

    async def voices(self) -> tuple[VoiceListing, ...]:
        """Those of the reachable workers that a caller may choose, the default first, then by
        readiness and name.

        Asked once for all who want to know at the same time. Raises WorkerUnavailableError when
        no worker answers; its text names no address.
        """
        async with self._asking:
            now_s = self._clock()
            if self._listed_at_s is None or now_s - self._listed_at_s > FRESH_S:
                self._listed = await self._ask()
                self._listed_at_s = self._clock()
            return self._listed

    async def _ask(self) -> tuple[VoiceListing, ...]:
        answers = await self._workers.voices(timeout_s=LIST_TIMEOUT_S)
        await self._channels.forget_others({w.target for w in self._discovery.workers()})
        if not answers.given:
            failures = "; ".join(map(str, answers.failures.values()))
            _log.warning("no voice can be listed: %s", failures or "no speech worker is known")
            raise WorkerUnavailableError("none answers at present")
        listings: dict[str, VoiceListing] = {}
        for voice in (self._listing(v) for voices in answers.given.values() for v in voices):
            known = listings.get(voice.name)
            if known is None or (voice.ready and not known.ready):
                listings[voice.name] = voice
        offered = filter(self._is_offered, listings.values())
        order = sorted(offered, key=lambda v: (not v.default, not v.ready, v.name))
        return tuple(order)

    def _is_offered(self, voice: VoiceListing) -> bool:
        listed = voice.name in self._offered if self._offered else voice.ready
        return voice.default or listed

    def _listing(self, voice: status_pb2.Voice) -> VoiceListing:
        return VoiceListing(
            name=voice.name,
            engine=voice.engine,
            languages=tuple(voice.languages),
            sample_rate_hz=voice.sample_rate_hz,
            license=voice.license,
            ready=voice.residency
            not in (
                status_pb2.VOICE_RESIDENCY_UNSPECIFIED,
                status_pb2.VOICE_RESIDENCY_REMOTE,
            ),
            default=voice.name == self._default,
        )

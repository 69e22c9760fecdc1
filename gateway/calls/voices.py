"""The voices that the speech workers can speak with."""

import logging
from collections.abc import Collection

from pydantic import BaseModel, ConfigDict

from parley.discovery import Discovery
from parley.errors import WorkerUnavailableError
from parley.rpc.v1 import status_pb2
from parley.speech.admin import WorkerAdmin
from parley.speech.channel import Channels

LIST_TIMEOUT_S = 1.0

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
    ) -> None:
        self._default = default_voice
        self._offered = offered
        self._discovery = discovery
        self._channels = channels
        self._workers = WorkerAdmin(discovery, channels)

    async def aclose(self) -> None:
        await self._channels.aclose()

    async def voices(self) -> tuple[VoiceListing, ...]:
        """Those of the reachable workers that a caller may choose, the default first, then by
        readiness and name.

        Raises WorkerUnavailableError when no worker answers; its text names no address.
        """
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

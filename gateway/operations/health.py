"""Whether the gateway can serve: probes of what a call needs, all at once, each at most 1 s."""

import asyncio

import aiohttp
from livekit import api
from pydantic import BaseModel, ConfigDict

from gateway.calls.agents import AgentServers
from gateway.calls.page import Page
from gateway.calls.voices import VoiceCatalog
from gateway.operations.checks import PartCheck
from parley.clock import Clock, monotonic
from parley.errors import SpeechError
from parley.settings.orchestrator import LiveKitSection

PROBE_TIMEOUT_S = 1.0
FRESH_S = 1.0
"""What was found serves all who ask within this time."""


class GatewayHealth(BaseModel):
    """`status` is healthy, or degraded while the page is served but no call can begin."""

    model_config = ConfigDict(frozen=True)

    status: str
    uptime_seconds: float
    checks: dict[str, PartCheck]


class PublicHealth(BaseModel):
    """What everybody may know: whether calls can begin."""

    model_config = ConfigDict(frozen=True)

    status: str


class GatewayProbes:
    """The gateway's view of LiveKit, the speech workers, its own page, and the agents if given."""

    def __init__(
        self,
        settings: LiveKitSection,
        voices: VoiceCatalog,
        page: Page,
        agents: AgentServers | None,
        *,
        clock: Clock = monotonic,
    ) -> None:
        self._settings = settings
        self._voices = voices
        self._page = page
        self._agents = agents
        self._looking = asyncio.Lock()
        self._found: GatewayHealth | None = None
        self._found_at_s = 0.0
        self._clock = clock
        self._since = clock()

    async def health(self) -> GatewayHealth:
        """Asked once for all who want to know at the same time."""
        async with self._looking:
            if self._found is None or self._clock() - self._found_at_s > FRESH_S:
                self._found = await self._look()
                self._found_at_s = self._clock()
            return self._found

    async def _look(self) -> GatewayHealth:
        livekit, tts, agent = await asyncio.gather(self._livekit(), self._tts(), self._agent())
        checks = {"livekit": livekit, "tts": tts, "agent": agent, "page": self._built()}
        return GatewayHealth(
            status="healthy" if all(check.ok for check in checks.values()) else "degraded",
            uptime_seconds=round(self._clock() - self._since, 3),
            checks=checks,
        )

    async def _agent(self) -> PartCheck:
        if self._agents is None or (await self._agents.census()).takers:
            return PartCheck(ok=True)
        return PartCheck(ok=False, error="none takes calls")

    async def _livekit(self) -> PartCheck:
        """Asks for a room that cannot exist: LiveKit answers, and accepts our keys."""
        try:
            async with api.LiveKitAPI(
                self._settings.url,
                self._settings.api_key,
                self._settings.api_secret.get_secret_value(),
                timeout=aiohttp.ClientTimeout(total=PROBE_TIMEOUT_S),
                failover=False,
            ) as livekit:
                await livekit.room.list_rooms(api.ListRoomsRequest(names=["parley-probe"]))
        except TimeoutError:
            return PartCheck(ok=False, error=f"no answer within {PROBE_TIMEOUT_S:g} s")
        except (aiohttp.ClientError, api.ServerError) as error:
            return PartCheck(ok=False, error=str(error))
        return PartCheck(ok=True)

    async def _tts(self) -> PartCheck:
        try:
            voices = await self._voices.voices()
        except SpeechError as error:
            return PartCheck(ok=False, error=str(error))
        if not any(voice.ready for voice in voices):
            return PartCheck(ok=False, error="no worker has a voice on its machine")
        return PartCheck(ok=True)

    def _built(self) -> PartCheck:
        return PartCheck(ok=True) if self._page.is_built else PartCheck(ok=False, error="not built")

"""The agent's health port: who asks gets the state as it is now."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from agent.health.exposition import Exposition
from agent.health.probes import Findings, Probes
from parley.clock import Clock, monotonic
from parley.errors import ConfigurationError
from parley.rpc.v1 import status_pb2

FRESH_S = 0.5
"""Probes are shared by all who ask within this time."""
NEEDED = ("livekit", "worker", "llm")
"""Without these no conversation is possible; without the others it is a poorer one."""


class HealthServer:
    """Answers on one port; `is_registered` and `is_draining` ask the agent server."""

    def __init__(
        self,
        probes: Probes,
        exposition: Exposition,
        *,
        is_registered: Callable[[], bool],
        is_draining: Callable[[], bool],
        clock: Clock = monotonic,
    ) -> None:
        self._probes = probes
        self._exposition = exposition
        self._is_registered = is_registered
        self._is_draining = is_draining
        self._clock = clock
        self._began_at = clock()
        self._probing = asyncio.Lock()
        self._was_warm = False
        self._findings: Findings | None = None
        self._found_at = 0.0
        self._runner: web.AppRunner | None = None

    async def start(self, host: str, port: int) -> None:
        """Raises ConfigurationError when the port cannot be bound."""
        app = web.Application()
        app.add_routes(
            [
                web.get("/health", self._health),
                web.get("/readiness", self._readiness),
                web.get("/ready", self._readiness),
                web.get("/liveness", self._liveness),
                web.get("/metrics", self._metrics),
                web.get("/metrics/summary", self._summary),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, port).start()
        except OSError as error:
            raise ConfigurationError(
                f"port {port} on {host} cannot be bound ({error.strerror}): stop what listens "
                "there, or set server.health_check_port in configs/orchestrator.yaml"
            ) from None

    async def aclose(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def findings(self) -> Findings:
        async with self._probing:
            if self._findings is None or self._clock() - self._found_at > FRESH_S:
                self._findings = await self._probes.run()
                self._found_at = self._clock()
            return self._findings

    async def _health(self, _: web.Request) -> web.Response:
        checks = (await self.findings()).checks
        serves = all(checks[part].ok for part in NEEDED)
        status = "unhealthy"
        if serves:
            status = "healthy" if all(check.ok for check in checks.values()) else "degraded"
        body = {
            "status": status,
            "uptime_seconds": round(self._clock() - self._began_at, 3),
            "redis": checks["redis"].ok,
            "worker": checks["worker"].ok,
            "checks": {
                part: {"ok": check.ok, "error": check.error} for part, check in checks.items()
            },
        }
        return web.json_response(body, status=200 if serves else 503)

    async def _readiness(self, _: web.Request) -> web.Response:
        findings = await self.findings()
        conditions = {
            "registered": self._is_registered() and findings.checks["livekit"].ok,
            "warm_voice": self._has_warm_voice(findings),
            "asr": findings.checks["asr"].ok,
            "not_draining": not self._is_draining(),
        }
        ready = all(conditions.values())
        return web.json_response({"ready": ready, **conditions}, status=200 if ready else 503)

    def _has_warm_voice(self, findings: Findings) -> bool:
        """Once it was in memory, it may leave for another and come back when it is asked for."""
        enough = {status_pb2.VOICE_RESIDENCY_RESIDENT}
        if self._was_warm:
            enough |= {status_pb2.VOICE_RESIDENCY_LOADING, status_pb2.VOICE_RESIDENCY_CACHED}
        wanted = self._probes.settings.tts.default_model
        self._was_warm = any(
            voice.name == wanted and voice.residency in enough
            for status in findings.synthesis
            for voice in status.voices
        )
        return self._was_warm

    async def _liveness(self, _: web.Request) -> web.Response:
        return web.json_response({"alive": True})

    async def _metrics(self, _: web.Request) -> web.Response:
        text = self._exposition.text(await self.findings())
        return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _summary(self, _: web.Request) -> web.Response:
        metrics: dict[str, Any] = self._exposition.summary(await self.findings())
        return web.json_response({"timestamp": time.time(), "metrics": metrics})

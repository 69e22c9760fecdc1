"""The agent's health port: who asks gets the state as it is now."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST

from agent.health.exposition import Exposition
from agent.health.probes import Findings, ProbeResult, Probes
from parley.capacity import PATH as CAPACITY_PATH
from parley.capacity import Capacity
from parley.clock import Clock, monotonic
from parley.errors import ConfigurationError
from parley.rpc.v1 import status_pb2
from parley.small_http import HttpReply, SmallHttpServer

FRESH_S = 0.5
"""Probes are shared by all who ask within this time."""
NEEDED = ("livekit", "worker", "llm")
"""Without these no conversation is possible; without the others it is a poorer one."""


class HealthServer:
    """Answers on one port; `is_registered`, `is_draining`, `capacity` ask the agent server;
    `can_start_calls`: whether a call that comes now gets a process.

    `why_disk_full`: one sentence, or None. Calls go on without a disk; metrics and logs do not.
    """

    def __init__(
        self,
        probes: Probes,
        exposition: Exposition,
        *,
        is_registered: Callable[[], bool],
        is_draining: Callable[[], bool],
        capacity: Callable[[], Capacity],
        can_start_calls: Callable[[], bool] = lambda: True,
        why_disk_full: Callable[[], str | None] = lambda: None,
        clock: Clock = monotonic,
    ) -> None:
        self._probes = probes
        self._exposition = exposition
        self._is_registered = is_registered
        self._is_draining = is_draining
        self._capacity = capacity
        self._can_start_calls = can_start_calls
        self._why_disk_full = why_disk_full
        self._clock = clock
        self._began_at = clock()
        self._probing = asyncio.Lock()
        self._was_warm = False
        self._findings: Findings | None = None
        self._found_at = 0.0
        self._server = SmallHttpServer(
            {
                "/health": self._health,
                "/readiness": self._readiness,
                "/ready": self._readiness,
                "/liveness": self._liveness,
                CAPACITY_PATH: self._how_many_calls,
                "/metrics": self._metrics,
                "/metrics/summary": self._summary,
            }
        )

    async def start(self, host: str, port: int) -> None:
        """Raises ConfigurationError when the port cannot be bound."""
        try:
            await self._server.start(host, port)
        except OSError as error:
            raise ConfigurationError(
                f"port {port} on {host} cannot be bound ({error.strerror}): stop what listens "
                "there, or set server.health_check_port in configs/orchestrator.yaml"
            ) from None

    async def aclose(self) -> None:
        await self._server.aclose()

    async def findings(self) -> Findings:
        async with self._probing:
            if self._findings is None or self._clock() - self._found_at > FRESH_S:
                self._findings = await self._probes.run()
                self._found_at = self._clock()
            return self._findings

    async def _health(self) -> HttpReply:
        checks = (await self.findings()).checks | {"disk": ProbeResult(self._why_disk_full())}
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
        return _json(body, status=200 if serves else 503)

    async def _readiness(self) -> HttpReply:
        findings = await self.findings()
        conditions = {
            "registered": self._is_registered() and findings.checks["livekit"].ok,
            "warm_voice": self._has_warm_voice(findings),
            "asr": findings.checks["asr"].ok,
            "not_draining": not self._is_draining(),
            "processes": self._can_start_calls(),
        }
        ready = all(conditions.values())
        body = {"ready": ready, **conditions, "disk": self._why_disk_full() is None}
        return _json(body, status=200 if ready else 503)

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

    async def _liveness(self) -> HttpReply:
        return _json({"alive": True})

    async def _how_many_calls(self) -> HttpReply:
        return HttpReply(self._capacity().model_dump_json().encode())

    async def _metrics(self) -> HttpReply:
        findings = await self.findings()
        text = self._exposition.text(findings, has_warm_voice=self._has_warm_voice(findings))
        return HttpReply(text, content_type=CONTENT_TYPE_LATEST)

    async def _summary(self) -> HttpReply:
        metrics: dict[str, Any] = self._exposition.summary(await self.findings())
        return _json({"timestamp": time.time(), "metrics": metrics})


def _json(body: Mapping[str, Any], *, status: int = 200) -> HttpReply:
    return HttpReply(json.dumps(body).encode(), status)

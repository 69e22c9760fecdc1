"""The health port tells the truth about parts on real sockets, as they come and go."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from pydantic import SecretStr

from agent.health.exposition import Exposition, JobMetrics
from agent.health.http import FRESH_S, HealthServer
from agent.health.probes import Probes
from agent.health.process_tree import ProcessTree
from parley.capacity import Capacity
from parley.errors import ConfigurationError
from parley.rpc.v1 import status_pb2 as pb
from parley.settings.orchestrator import (
    AsrSection,
    LiveKitSection,
    LlmSection,
    OrchestratorSettings,
    TtsSection,
)
from parley.settings.redis import RedisSection
from testkit.fake_workers import RecognitionWorker, SpeechWorker, serving
from testkit.isolated_config import free_ports

KEY = "test-key"


@asynccontextmanager
async def web_server(port: int, *paths: str, key: str = "") -> AsyncGenerator[None]:
    """Answers 200 to GET on the paths; where there is a key, only to who brings it."""

    async def answer(request: web.Request) -> web.Response:
        welcome = not key or request.headers.get("Authorization") == f"Bearer {key}"
        return web.Response(status=200 if welcome else 401)

    app = web.Application()
    app.add_routes([web.get(path, answer) for path in paths])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield
    finally:
        await runner.cleanup()


@dataclass
class Parts:
    """Everything an agent needs, each part on a port of its own, started and stopped by name."""

    speech: SpeechWorker = field(default_factory=SpeechWorker)
    ports: dict[str, int] = field(
        default_factory=lambda: dict(
            zip(("livekit", "worker", "asr", "llm"), free_ports(4), strict=True)
        )
    )
    _running: dict[str, AsyncExitStack] = field(default_factory=dict)

    async def start(self, *names: str) -> None:
        for name in names:
            port = self.ports[name]
            self._running[name] = AsyncExitStack()
            await self._running[name].enter_async_context(
                {
                    "livekit": lambda port=port: web_server(port, "/"),
                    "llm": lambda port=port: web_server(port, "/v1/models", key=KEY),
                    "worker": lambda port=port: serving(self.speech, port=port),
                    "asr": lambda port=port: serving(RecognitionWorker(), port=port),
                }[name]()
            )

    async def stop(self, name: str) -> None:
        await self._running.pop(name).aclose()

    async def stop_all(self) -> None:
        for name in list(self._running):
            await self.stop(name)

    def settings(self, **changes: object) -> OrchestratorSettings:
        address = {name: f"127.0.0.1:{port}" for name, port in self.ports.items()}
        sections = {
            "livekit": LiveKitSection(url=f"ws://{address['livekit']}"),
            "tts": TtsSection(worker_address=address["worker"], default_model="tone"),
            "asr": AsrSection(worker_address=address["asr"]),
            "llm": LlmSection(base_url=f"http://{address['llm']}/v1", api_key=SecretStr(KEY)),
        }
        return OrchestratorSettings.model_validate(sections | changes)


@dataclass
class Asked:
    """The health port, and what its agent server would say of itself."""

    url: str
    http: aiohttp.ClientSession
    state: dict[str, bool]
    disk: list[str]
    """Why it is full, if it is."""

    async def get(self, path: str) -> tuple[int, dict[str, object]]:
        async with self.http.get(self.url + path) as response:
            return response.status, await response.json()

    async def text(self, path: str) -> str:
        async with self.http.get(self.url + path) as response:
            return await response.text()

    async def check(self, part: str) -> dict[str, object]:
        _, body = await self.get("/health")
        checks = body["checks"]
        assert isinstance(checks, dict)
        return dict(checks[part])


@asynccontextmanager
async def health_of(settings: OrchestratorSettings, metrics: Path) -> AsyncGenerator[Asked]:
    state = {"registered": True, "draining": False, "processes": True}
    disk: list[str] = []
    (port,) = free_ports(1)
    async with Probes(settings) as probes, aiohttp.ClientSession() as http:
        health = HealthServer(
            probes,
            Exposition(JobMetrics(metrics)),
            is_registered=lambda: state["registered"],
            is_draining=lambda: state["draining"],
            capacity=lambda: Capacity(takes_calls=True, max_sessions=4, rooms=("one",)),
            can_start_calls=lambda: state["processes"],
            why_disk_full=lambda: disk[0] if disk else None,
        )
        await health.start("127.0.0.1", port)
        try:
            yield Asked(f"http://127.0.0.1:{port}", http, state, disk)
        finally:
            await health.aclose()


@pytest.fixture
async def parts() -> AsyncGenerator[Parts]:
    parts = Parts()
    await parts.start("livekit", "worker", "asr", "llm")
    yield parts
    await parts.stop_all()


async def test_an_agent_with_all_its_parts_is_healthy(parts: Parts, tmp_path: Path) -> None:
    async with health_of(parts.settings(), tmp_path) as asked:
        status, body = await asked.get("/health")
    well = {"ok": True, "error": None}
    assert status == 200
    assert body.pop("uptime_seconds") >= 0
    assert body == {
        "status": "healthy",
        "redis": True,
        "worker": True,
        "checks": dict.fromkeys(("redis", "worker", "livekit", "llm", "asr", "disk"), well),
    }


@pytest.mark.parametrize(
    ("part", "code", "status"),
    [
        ("livekit", 503, "unhealthy"),
        ("worker", 503, "unhealthy"),
        ("llm", 503, "unhealthy"),
        ("asr", 200, "degraded"),
    ],
)
async def test_a_part_that_stops_shows_and_shows_again_when_it_is_back(
    parts: Parts, tmp_path: Path, part: str, code: int, status: str
) -> None:
    async with health_of(parts.settings(), tmp_path) as asked:
        assert (await asked.get("/health"))[0] == 200
        await parts.stop(part)
        await asyncio.sleep(FRESH_S)  # what was found before may be told for so long
        answered, body = await asked.get("/health")
        assert (answered, body["status"]) == (code, status)
        assert not (await asked.check(part))["ok"]
        assert (await asked.check(part))["error"]
        await parts.start(part)
        back_by = time.monotonic() + 10
        while (await asked.get("/health"))[1]["status"] != "healthy":
            assert time.monotonic() < back_by
            await asyncio.sleep(FRESH_S)


async def test_metrics_name_the_part_that_is_away_and_whether_a_voice_is_warm(
    parts: Parts, tmp_path: Path
) -> None:
    async with health_of(parts.settings(), tmp_path) as asked:
        await parts.stop("llm")
        page = await asked.text("/metrics")
        up = {'part_up{part="llm"} 0.0', 'part_up{part="livekit"} 1.0', 'part_up{part="redis"} 1.0'}
        assert up | {"voice_warm 1.0"} <= set(page.splitlines())
        await parts.stop("worker")
        await asyncio.sleep(FRESH_S)
        page = await asked.text("/metrics")
        assert {'part_up{part="worker"} 0.0', "voice_warm 0.0"} <= set(page.splitlines())


def test_what_the_calls_take_is_told_with_what_the_server_takes_and_never_falls() -> None:
    def cpu_s() -> float:
        (cpu, memory) = ProcessTree().collect()
        assert memory.samples[0].value > 0
        return cpu.samples[0].value

    before = cpu_s()
    subprocess.run([sys.executable, "-c", "sum(range(5_000_000))"], check=True)
    after = cpu_s()
    assert after > before
    assert cpu_s() >= after


async def test_a_wrong_key_of_the_language_model_shows(parts: Parts, tmp_path: Path) -> None:
    llm = parts.settings().llm.model_copy(update={"api_key": SecretStr("wrong")})
    async with health_of(parts.settings(llm=llm), tmp_path) as asked:
        assert "401" in str((await asked.check("llm"))["error"])


async def test_a_part_that_hangs_is_given_up_in_a_second(parts: Parts, tmp_path: Path) -> None:
    silent = await asyncio.start_server(lambda *_: asyncio.sleep(60), "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    settings = parts.settings(livekit=LiveKitSection(url=f"ws://127.0.0.1:{port}"))
    async with health_of(settings, tmp_path) as asked:
        assert not (await asked.check("livekit"))["ok"]
    silent.close()


async def test_recognition_that_is_switched_off_is_no_failure(parts: Parts, tmp_path: Path) -> None:
    await parts.stop("asr")
    async with health_of(parts.settings(asr=AsrSection(enabled=False)), tmp_path) as asked:
        assert (await asked.get("/health"))[1]["status"] == "healthy"
        assert (await asked.get("/readiness"))[0] == 200


async def test_a_redis_that_is_configured_and_away_is_told(parts: Parts, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    settings = parts.settings(redis=RedisSection(url=f"redis://127.0.0.1:{port}/0"))
    async with health_of(settings, tmp_path) as asked:
        status, body = await asked.get("/health")
    assert (status, body["status"], body["redis"]) == (200, "degraded", False)


async def test_a_redis_that_answers_is_well(parts: Parts, tmp_path: Path) -> None:
    async def redis(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readline():  # *N, then N times a length and a word
            words = []
            for _ in range(int(head[1:])):
                await reader.readline()
                words.append((await reader.readline()).strip())
            hello = b"%1\r\n$5\r\nproto\r\n:3\r\n"
            writer.write(hello if words[0] == b"HELLO" else b"+PONG\r\n")
        writer.close()

    server = await asyncio.start_server(redis, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings = parts.settings(redis=RedisSection(url=f"redis://127.0.0.1:{port}"))
    async with health_of(settings, tmp_path) as asked:
        assert await asked.check("redis") == {"ok": True, "error": None}
    server.close()


@pytest.mark.parametrize("path", ["/readiness", "/ready"])
async def test_ready_when_registered_with_a_warm_voice_and_ears(
    parts: Parts, tmp_path: Path, path: str
) -> None:
    async with health_of(parts.settings(), tmp_path) as asked:
        assert await asked.get(path) == (
            200,
            {
                "ready": True,
                "registered": True,
                "warm_voice": True,
                "asr": True,
                "processes": True,
                "disk": True,
                "not_draining": True,
            },
        )


@pytest.mark.parametrize(
    ("condition", "lack"),
    [
        ("registered", {"registered": False}),
        ("not_draining", {"draining": True}),
        ("processes", {"processes": False}),
    ],
)
async def test_not_ready_while_the_server_takes_no_calls(
    parts: Parts, tmp_path: Path, condition: str, lack: dict[str, bool]
) -> None:
    async with health_of(parts.settings(), tmp_path) as asked:
        asked.state.update(lack)
        status, body = await asked.get("/readiness")
        assert (status, body[condition]) == (503, False)


async def test_not_ready_while_no_worker_has_the_default_voice_warm(
    parts: Parts, tmp_path: Path
) -> None:
    parts.speech.voices = ("other",)
    async with health_of(parts.settings(), tmp_path) as asked:
        status, body = await asked.get("/readiness")
        assert (status, body["warm_voice"]) == (503, False)


async def test_a_voice_that_left_memory_for_another_comes_back_and_the_agent_stays_ready(
    parts: Parts, tmp_path: Path
) -> None:
    now_s = 0.0
    (port,) = free_ports(1)
    async with Probes(parts.settings()) as probes, aiohttp.ClientSession() as http:
        health = HealthServer(
            probes,
            Exposition(JobMetrics(tmp_path)),
            is_registered=lambda: True,
            is_draining=lambda: False,
            capacity=lambda: Capacity(takes_calls=True, max_sessions=4),
            clock=lambda: now_s,
        )
        await health.start("127.0.0.1", port)
        asked = Asked(f"http://127.0.0.1:{port}", http, {}, [])
        expected = {"CACHED": 503, "RESIDENT": 200, "LOADING": 200, "REMOTE": 503}
        for state in ("CACHED", "RESIDENT", "CACHED", "LOADING", "RESIDENT", "REMOTE", "CACHED"):
            parts.speech.residency = pb.VoiceResidency.Value(f"VOICE_RESIDENCY_{state}")
            now_s += 60
            status, _ = await asked.get("/readiness")
            assert status == expected[state]
            expected["CACHED"] = 200 if status == 200 else 503  # once warm, it only has to be here
        await health.aclose()


async def test_a_full_disk_is_told_and_calls_are_taken_all_the_same(
    parts: Parts, tmp_path: Path
) -> None:
    async with health_of(parts.settings(), tmp_path) as asked:
        status, body = await asked.get("/readiness")
        assert (status, body["disk"]) == (200, True)
        asked.disk.append("the disk is full")
        status, body = await asked.get("/readiness")
        assert (status, body["disk"]) == (200, False)
        status, body = await asked.get("/health")
        assert (status, body["status"]) == (200, "degraded")
        assert await asked.check("disk") == {"ok": False, "error": "the disk is full"}


async def test_alive_whatever_the_other_parts_do(parts: Parts, tmp_path: Path) -> None:
    await parts.stop_all()
    async with health_of(parts.settings(), tmp_path) as asked:
        assert (await asked.get("/liveness"))[0] == 200


async def test_the_port_tells_gateways_how_many_calls_there_are(
    parts: Parts, tmp_path: Path
) -> None:
    async with health_of(parts.settings(), tmp_path) as asked:
        status, body = await asked.get("/capacity")
    assert status == 200
    assert body == {"takes_calls": True, "max_sessions": 4, "rooms": ["one"]}


async def test_a_port_in_use_is_a_clear_sentence(parts: Parts, tmp_path: Path) -> None:
    async with Probes(parts.settings()) as probes:
        health = HealthServer(
            probes,
            Exposition(JobMetrics(tmp_path)),
            is_registered=lambda: True,
            is_draining=lambda: False,
            capacity=lambda: Capacity(takes_calls=True, max_sessions=4),
        )
        taken = parts.ports["livekit"]
        with pytest.raises(ConfigurationError, match=f"port {taken}.*health_check_port"):
            await health.start("127.0.0.1", taken)
        await health.aclose()

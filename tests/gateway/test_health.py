"""Everybody learns whether calls can begin; why not is told at the private port alone."""

import asyncio

import aiohttp
import httpx

from gateway.app import create_app
from gateway.operations import health as operations_health
from testkit.isolated_config import free_ports
from tests.gateway.conftest import (
    UNREACHABLE,
    AgentHealthPort,
    Serve,
    TurnedClock,
    agent_at,
    settings_with,
)


async def test_health_says_no_more_than_whether_calls_can_begin(serve: Serve, worker: str) -> None:
    async with serve(settings_with(workers=worker)) as client:
        answer = await client.get("/health")
    assert answer.status_code == 200
    assert answer.json() == {"status": "degraded"}


async def test_the_private_port_names_what_a_call_would_lack(worker: str) -> None:
    (port,) = free_ports(1)
    settings = settings_with(workers=worker, agents=UNREACHABLE)
    app = create_app(settings, private=("127.0.0.1", port))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        health = (await client.get("/health")).json()
        readiness = await client.get("/readiness")
        liveness = await client.get("/liveness")
        metrics = await client.get("/metrics")
    checks = health["checks"]
    assert health["status"] == "degraded"
    assert checks["tts"] == {"ok": True, "error": None}
    assert checks["page"]["ok"] is (checks["page"]["error"] is None)
    assert checks["agent"] == {"ok": False, "error": "none takes calls"}
    assert UNREACHABLE in checks["livekit"]["error"]
    assert (readiness.status_code, liveness.status_code) == (503, 200)
    assert "gateway_tokens" in metrics.text


async def test_nobody_without_the_private_port_sees_metrics(serve: Serve) -> None:
    async with serve(settings_with()) as client:
        assert (await client.get("/metrics")).status_code == 404


async def test_the_gateway_lives_but_is_not_ready_without_livekit(
    serve: Serve, worker: str
) -> None:
    async with serve(settings_with(workers=worker)) as client:
        assert (await client.get("/liveness")).status_code == 200
        for path in ("/readiness", "/ready"):
            answer = await client.get(path)
            assert (answer.status_code, answer.json()) == (503, {"status": "degraded"})


async def test_who_ask_at_once_cost_one_look_a_second(serve: Serve) -> None:
    clock = TurnedClock()
    async with (
        agent_at(AgentHealthPort()) as agent,
        serve(settings_with(agents=agent.address), clock=clock) as client,
    ):
        await asyncio.gather(*(client.get("/health") for _ in range(50)))
        await client.get("/readiness")
        assert agent.asked == 1
        clock.now_s += operations_health.FRESH_S + 0.1
        await client.get("/health")
        assert agent.asked == 2


async def test_metrics_count_requests_by_route_and_tokens_by_outcome() -> None:
    (port,) = free_ports(1)
    clock = TurnedClock()
    settings = settings_with(calls_per_minute=1)
    app = create_app(settings, private=("127.0.0.1", port), clock=clock)
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 50000))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client,
        aiohttp.ClientSession() as inside,
    ):
        await client.post("/api/token")
        await client.post("/api/token")
        clock.now_s += 60
        await client.post("/api/token", json={"app": "nobody"})
        await client.get("/made/up/1")
        await client.get("/made/up/2")
        async with inside.get(f"http://127.0.0.1:{port}/metrics") as scrape:
            assert scrape.headers["content-type"].startswith("text/plain")
            lines = (await scrape.text()).splitlines()
    assert 'gateway_requests_total{route="/api/token",status="201"} 1.0' in lines
    assert 'gateway_requests_total{route="/api/token",status="429"} 1.0' in lines
    assert 'gateway_requests_total{route="page",status="404"} 2.0' in lines
    assert 'gateway_tokens_total{outcome="granted"} 1.0' in lines
    assert 'gateway_tokens_total{outcome="rate_limited"} 1.0' in lines
    assert 'gateway_tokens_total{outcome="unknown_app"} 1.0' in lines

from tests.gateway.conftest import UNREACHABLE, Serve, settings_with


async def test_health_names_what_a_call_would_lack(serve: Serve, worker: str) -> None:
    async with serve(settings_with(workers=worker)) as client:
        answer = await client.get("/health")
    health = answer.json()
    assert answer.status_code == 200
    assert health["status"] == "degraded"
    assert health["checks"]["tts"] == {"ok": True, "error": None}
    assert health["checks"]["page"] == {"ok": False, "error": "not built"}
    assert health["checks"]["livekit"]["ok"] is False
    assert UNREACHABLE in health["checks"]["livekit"]["error"]


async def test_the_gateway_lives_but_is_not_ready_without_livekit(
    serve: Serve, worker: str
) -> None:
    async with serve(settings_with(workers=worker)) as client:
        assert (await client.get("/liveness")).status_code == 200
        assert (await client.get("/readiness")).status_code == 503
        assert (await client.get("/ready")).status_code == 503


async def test_metrics_count_requests_by_route_and_tokens_by_outcome(serve: Serve) -> None:
    async with serve(settings_with(calls_per_minute=1)) as client:
        await client.post("/api/token")
        await client.post("/api/token")
        await client.get("/made/up/1")
        await client.get("/made/up/2")
        scrape = await client.get("/metrics")
    assert scrape.headers["content-type"].startswith("text/plain")
    lines = scrape.text.splitlines()
    assert 'gateway_requests_total{route="/api/token",status="201"} 1.0' in lines
    assert 'gateway_requests_total{route="/api/token",status="429"} 1.0' in lines
    assert 'gateway_requests_total{route="page",status="404"} 2.0' in lines
    assert 'gateway_tokens_total{outcome="granted"} 1.0' in lines
    assert 'gateway_tokens_total{outcome="rate_limited"} 1.0' in lines

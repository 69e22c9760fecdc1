"""With keys: who may do what. And what is told of what is there."""

import asyncio
import json
import re
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr
from websockets.exceptions import InvalidStatus

from gateway.keys.key import KeyScope
from gateway.keys.opening import key_secret, open_keys
from gateway.orchestrate.features import feature_status
from gateway.orchestrate.service import OrchestratorService
from ops.monitoring.documents import GRAFANA
from parley import paths
from parley.errors import ConfigurationError
from parley.settings import load_orchestrator
from testkit.orchestrators import OrchestratorProcess, connected
from testkit.threaded_llm import ThreadedLlm
from tests.gateway.orchestrate.conftest import Deployment, new_session, own_settings

pytestmark = pytest.mark.servers
SECRET = "x" * 40
MOST = 4


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OrchestratorProcess]:
    folder = tmp_path_factory.mktemp("guarded")
    with ThreadedLlm() as model:
        settings = own_settings(model.url, folder)
        settings["security"] = {"api_key_required": "on", "secret": SECRET}
        settings["orchestration"]["max_concurrent_sessions"] = MOST
        process = OrchestratorProcess(folder / "a", settings)
        process.start()
        yield process
        process.stop()


@pytest.fixture
async def keys(guarded: OrchestratorProcess) -> dict[str, str]:
    """A key for conversations, another for them, and one for operators: their texts."""
    settings = load_orchestrator(guarded.config, environ={})
    folder = guarded.config.parent / "state"
    security = settings.security.model_copy(
        update={"url": SecretStr(f"sqlite:///{folder}/keys.db")}
    )
    store, secret = open_keys(security), key_secret(security)
    made = {}
    for name, scope in (
        ("ada", KeyScope.CONVERSE),
        ("bob", KeyScope.CONVERSE),
        ("operator", KeyScope.OPERATE),
    ):
        new = secret.create(name, (scope,), per_minute=None, now_s=time.time(), keep_s=None)
        await store.add(new.key)
        made[name] = new.text
    await store.aclose()
    return made


async def test_without_a_key_there_is_only_health(
    guarded: OrchestratorProcess, keys: dict[str, str]
) -> None:
    operator = {"X-API-Key": keys["operator"]}
    async with httpx.AsyncClient(base_url=guarded.url, timeout=60) as http:
        for path in ("/health", "/ready", "/liveness"):
            assert (await http.get(path)).status_code == 200
        for path in ("/metrics", "/metrics/summary", "/feature-status", "/sessions", "/config"):
            assert (await http.get(path)).status_code == 401, path
            assert (await http.get(path, headers=operator)).status_code == 200, path
        turn = {"message": "hello"}
        assert (await http.post("/orchestrate", json=turn)).status_code == 401
        assert (await http.post("/orchestrate", json=turn, headers=operator)).status_code == 403
        shown = (await http.get("/config", headers=operator)).text
        assert SECRET not in shown


async def test_a_websocket_needs_a_key_or_a_ticket_that_opens_one(
    guarded: OrchestratorProcess, keys: dict[str, str]
) -> None:
    async with connected(guarded.url, new_session()) as client:
        assert (await client.closed())[0] == 1008
    headers = {"X-API-Key": keys["ada"]}
    async with connected(guarded.url, new_session(), headers=headers) as client:
        await client.say("hello")
        await client.until("response")
    async with httpx.AsyncClient(base_url=guarded.url, timeout=60) as http:
        ticket = (await http.post("/tickets", headers=headers)).json()["ticket"]
    async with connected(guarded.url, new_session(), ticket=ticket) as client:
        await client.until("connected")
    async with connected(guarded.url, new_session(), ticket=ticket) as client:
        assert (await client.closed())[0] == 1008


async def test_a_session_is_of_the_key_that_began_it(
    guarded: OrchestratorProcess, keys: dict[str, str]
) -> None:
    session = new_session()
    async with httpx.AsyncClient(base_url=guarded.url, timeout=60) as http:
        body = {"session_id": session, "message": "hello"}
        own = await http.post("/orchestrate", json=body, headers={"X-API-Key": keys["ada"]})
        assert own.status_code == 200
        others = await http.post("/orchestrate", json=body, headers={"X-API-Key": keys["bob"]})
        assert others.status_code == 404
    async with connected(guarded.url, session, headers={"X-API-Key": keys["bob"]}) as client:
        assert (await client.closed())[0] == 1008


async def test_beyond_the_most_sessions_the_next_is_told_when_to_come_back(
    guarded: OrchestratorProcess, keys: dict[str, str]
) -> None:
    headers = {"X-API-Key": keys["ada"]}
    async with (
        httpx.AsyncClient(base_url=guarded.url, timeout=60) as http,
        AsyncExitStack() as held,
    ):
        operator = {"X-API-Key": keys["operator"]}
        async with asyncio.timeout(60):  # those of other tests have let go
            while await held_sessions(http, operator):  # noqa: ASYNC110 - another process's
                await asyncio.sleep(0.05)
        for _ in range(MOST):
            holding = connected(guarded.url, new_session(), headers=headers)
            await (await held.enter_async_context(holding)).until("connected")
        async with connected(guarded.url, new_session(), headers=headers) as refused:
            code, reason = await refused.closed()
        assert code == 1013
        assert "come back in" in reason
        answer = await http.post("/orchestrate", json={"message": "hello"}, headers=headers)
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) >= 1


async def held_sessions(http: httpx.AsyncClient, operator: dict[str, str]) -> int:
    summary = await http.get("/metrics/summary", headers=operator)
    return int(summary.json()["active_sessions"])


async def test_a_page_of_another_site_opens_no_websocket(one_process: Deployment) -> None:
    foreign = {"Origin": "https://evil.example.org"}
    with pytest.raises(InvalidStatus):
        async with connected(one_process.url, new_session(), headers=foreign):
            pass
    own = {"Origin": one_process.url}
    async with connected(one_process.url, new_session(), headers=own) as client:
        await client.until("connected")


async def test_what_is_uninstalled_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_STATE_DIR", str(tmp_path))
    settings = load_orchestrator(tmp_path / "none.yaml", environ={"ENABLE_HITL": "false"})
    orchestration = settings.orchestration.model_copy(update={"tts_provider": "none"})
    intents = settings.intents.model_copy(update={"file": ""})
    service = OrchestratorService(
        settings.model_copy(update={"orchestration": orchestration, "intents": intents})
    )
    async with service.running():
        whole = feature_status(service)
        assert whole.available["checkpointing"] is True
        assert whole.available["hitl"] is False
        assert whole.available["voice"] is False
        missing = {"aiosqlite", "mcp", "asyncpg"}
        less = feature_status(service, installed=lambda name: name not in missing)
        assert [n for n in whole.available if whole.available[n] and not less.available[n]] == [
            "checkpointing",
            "postgres",
            "mcp",
        ]


async def test_every_metric_of_the_dashboard_is_exported(one_process: Deployment) -> None:
    async with connected(one_process.url, new_session(), audio=1) as client:
        await client.say("hello")
        await client.until("response")
        await client.send("user_speaking")
        await client.until("interrupt")
        await client.socket.send("{")
    async with httpx.AsyncClient(base_url=one_process.url, timeout=60) as http:
        exported = (await http.get("/metrics")).text
    board = json.loads((paths.repository() / GRAFANA / "orchestrator.json").read_text())
    asked = [target["expr"] for panel in board["panels"] for target in panel.get("targets", ())]
    names = {
        name
        for expr in asked
        for name in re.findall(r"\b(?:orchestrator|circuit_breaker|model)_\w+", expr)
    }
    assert len(names) >= 10
    assert {name for name in names if name not in exported} == set()


def test_production_is_settings_with_keys_and_one_database() -> None:
    environ = {
        "DATABASE_URL": "postgresql://parley:p@postgres:5432/parley",
        "REDIS_URL": "redis://redis:6379/0",
    }
    file = paths.repository() / "configs" / "production.yaml"
    settings = load_orchestrator(file, environ=environ).over_one_database()
    assert settings.security.keys_are_required(settings.telemetry.environment)
    assert settings.sessions_redis_url == environ["REDIS_URL"]
    for section in (settings.sessions, settings.approvals, settings.experiments, settings.security):
        assert section.url.get_secret_value() == environ["DATABASE_URL"]
    assert settings.server.port == 8004
    with pytest.raises(ConfigurationError, match="DATABASE_URL"):
        load_orchestrator(file, environ={}).over_one_database()
    development = load_orchestrator(file.with_name("development.yaml"), environ={})
    assert not development.security.keys_are_required(development.telemetry.environment)
    assert development.server.port == 8004

"""The orchestrator as operators run it: one process alone, and two over one Redis and one
PostgreSQL. They are started once for all tests of a run."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from testkit.fake_llm import FakeLlm
from testkit.orchestrators import OrchestratorProcess
from testkit.redis_server import RedisServer
from testkit.threaded_llm import ThreadedLlm
from tests.servers import PostgresServer

APP = '''
from pathlib import Path
from parley import Agent, tool

ORDERS = Path(__file__).with_name("orders.txt")

@tool
async def order(what: str) -> str:
    """Orders something. what: the thing"""
    with ORDERS.open("a") as orders:
        orders.write(what + "\\n")
    return "ordered " + what

@tool(needs_approval=True)
async def refund(amount: str) -> str:
    """Pays money back. amount: how much"""
    return "refunded " + amount

agent = Agent(instructions="You are a shop.", tools=[order, refund], greeting="", grounded=True)
'''


@dataclass
class Deployment:
    """`processes` serve the same sessions."""

    processes: Sequence[OrchestratorProcess]
    llm: FakeLlm
    folder: Path
    shared: bool
    """Whether there is a Redis and a PostgreSQL."""

    @property
    def url(self) -> str:
        return self.processes[0].url

    @property
    def other_url(self) -> str:
        """Another process, where there is one."""
        return self.processes[-1].url

    @property
    def orders(self) -> list[str]:
        file = self.folder / "orders.txt"
        return file.read_text().split() if file.exists() else []


async def until_asked(llm: FakeLlm) -> None:
    """Returns once the model was asked after its requests were cleared."""
    async with asyncio.timeout(60):
        while not llm.requests:  # noqa: ASYNC110 - another thread's
            await asyncio.sleep(0.01)


def new_session() -> str:
    return f"s-{uuid4().hex[:12]}"


def own_settings(llm_url: str, folder: Path) -> dict[str, Any]:
    app = folder / "shop_app.py"
    app.write_text(APP)
    return {
        "llm": {"base_url": llm_url, "api_key": "k", "model": "fake"},
        "orchestration": {"app": str(app), "tts_provider": "none"},
        "turn": {"commit_silence_s": 0.2},
        "checkpoints": {"lease_s": 1.0},
        "models": {"timeout_ms": 20_000},
        "intents": {"file": ""},
    }


def over_servers(postgres_url: str, redis_url: str) -> dict[str, Any]:
    return {
        "storage": {"type": "sql"},
        "database": {"url": postgres_url},
        "cache": {"type": "redis", "ttl": 600},
        "redis": {"url": redis_url},
    }


@pytest.fixture(scope="session")
def one_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("one")
    with ThreadedLlm() as model:
        process = OrchestratorProcess(folder / "a", own_settings(model.url, folder))
        process.start()
        yield Deployment([process], model.llm, folder, shared=False)
        process.stop()


@pytest.fixture(scope="session")
def shared_servers(running_postgres: PostgresServer, running_redis: RedisServer) -> dict[str, Any]:
    return over_servers(running_postgres.url(), running_redis.url)


@pytest.fixture(scope="session")
def two_processes(
    tmp_path_factory: pytest.TempPathFactory, shared_servers: dict[str, Any]
) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("two")
    with ThreadedLlm() as model:
        settings = own_settings(model.url, folder) | shared_servers
        processes = [OrchestratorProcess(folder / name, settings) for name in "ab"]
        for process in processes:
            process.launch()
        for process in processes:
            process.wait()
        yield Deployment(processes, model.llm, folder, shared=True)
        for process in processes:
            process.stop()


@pytest.fixture(
    params=[
        pytest.param("one_process", id="one process, SQLite and memory", marks=pytest.mark.servers),
        pytest.param(
            "two_processes", id="two processes, PostgreSQL and Redis", marks=pytest.mark.servers
        ),
    ]
)
def deployment(request: pytest.FixtureRequest) -> Iterator[Deployment]:
    found: Deployment = request.getfixturevalue(request.param)
    found.llm.always("Of course.")
    found.llm.disconnected.clear()
    found.llm.received.clear()
    yield found

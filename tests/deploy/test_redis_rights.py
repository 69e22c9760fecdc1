"""Who may do what in the Redis of docker-compose.prod.yml: a real one, started by its command."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
import yaml

from dialogue.sessions.redis import RedisStore
from dialogue.sessions.store import SessionRecord
from gateway.calls.places import SharedPlaces
from parley.budgets import Budgets, SharedLedger, Spent
from parley.settings.budgets import BudgetsSection
from testkit.isolated_config import free_ports
from testkit.logged_process import ready_process
from tests.deploy.composed import FILE, ROOT, VALUES

pytestmark = pytest.mark.servers
PATIENT_S = 20.0


@contextmanager
def started(file: Path, folder: Path) -> Iterator[int]:
    """The Redis of the compose file, by its own command, on a free port."""
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed (Debian: apt-get install redis-server)")
    (number,) = free_ports(1)
    service = yaml.safe_load(file.read_text("utf-8"))["services"]["redis"]
    shell, option, command = (part.replace("$$", "$") for part in service["command"])
    process = ready_process(
        [shell, option, f"{command} --port {number} --bind 127.0.0.1"],
        log=folder / "redis.log",
        ready=b"Ready to accept connections",
        folder=folder,
        environ=os.environ | VALUES,
    )
    yield number
    process.kill()
    process.wait()


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with started(FILE, tmp_path_factory.mktemp("redis")) as number:
        yield number


def url(port: int, user: str) -> str:
    password = VALUES["REDIS_PASSWORD" if not user else f"REDIS_{user.upper()}_PASSWORD"]
    return f"redis://{user}:{password}@127.0.0.1:{port}/0"


async def test_an_agent_keeps_sessions_and_may_not_administer(port: int) -> None:
    store = RedisStore(url(port, "agent"), keep_s=60, timeout_s=PATIENT_S)
    await store.create(SessionRecord(id="s-1", channel="voice", began_at_s=1.0))
    assert await store.load("s-1") is not None
    assert await store.purge(began_before_s=2.0) == 1
    await store.aclose()
    client = redis.Redis.from_url(url(port, "agent"))
    for forbidden in (client.flushall, client.config_get, client.acl_list, client.keys):
        with pytest.raises(redis.exceptions.NoPermissionError):
            forbidden()
    with pytest.raises(redis.exceptions.NoPermissionError):
        client.set("somebody-elses", "x")


async def test_a_gateway_counts_calls_and_reads_no_session(port: int) -> None:
    places = SharedPlaces(url(port, "gateway"), timeout_s=PATIENT_S)
    assert await places.hold("one", free=1, there=(), waiting=())
    assert await places.hold("two", free=1, there=("one",), waiting=())
    assert not await places.hold("three", free=1, there=(), waiting=())
    await places.aclose()
    redis.Redis.from_url(url(port, "")).rpush("parley:session:s-2", "private")
    client = redis.Redis.from_url(url(port, "gateway"))
    with pytest.raises(redis.exceptions.NoPermissionError):
        client.lrange("parley:session:s-2", 0, -1)
    with pytest.raises(redis.exceptions.ResponseError, match="permission"):
        client.eval("return redis.call('LRANGE', KEYS[1], 0, -1)", 1, "parley:session:s-2")


async def test_gateways_and_agents_count_what_a_person_uses_together(port: int) -> None:
    gateway, agent = (
        Budgets(
            BudgetsSection(messages_per_hour=2),
            SharedLedger(url(port, user), timeout_s=PATIENT_S),
        )
        for user in ("gateway", "agent")
    )
    assert await gateway.spend(Spent.MESSAGES, "ann") is None
    assert await agent.spend(Spent.MESSAGES, "ann") is None
    assert await gateway.spend(Spent.MESSAGES, "ann") is not None
    assert await agent.spend(Spent.MESSAGES, "ann") is not None
    for each in (gateway, agent):
        await each.aclose()


def test_the_orchestrator_s_redis_takes_who_has_its_password_and_nobody_else(
    tmp_path: Path,
) -> None:
    with started(ROOT / "docker-compose.orchestrator.yml", tmp_path) as number:
        with pytest.raises(redis.exceptions.AuthenticationError):
            redis.Redis(port=number).ping()
        assert redis.Redis.from_url(url(number, "")).ping()


def test_nobody_else_may_anything(port: int) -> None:
    with pytest.raises(redis.exceptions.AuthenticationError):
        redis.Redis(port=port).ping()

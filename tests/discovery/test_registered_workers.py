"""Real workers register in a real Redis, and a client finds them there and nowhere else."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from parley.discovery import Discovery, WorkerAddress
from parley.errors import ConfigurationError
from parley.settings import OrchestratorSettings, WorkerSettings, load_orchestrator
from parley.settings.orchestrator import TtsSection
from parley.settings.redis import RedisSection
from parley.settings.worker import TtsWorkerSection
from parley.speech import AudioChunk, SpeechPool, SynthesisDone, SynthesisRequest
from parley.speech.configured import speech_discovery, speech_pool
from testkit.redis_server import RedisServer
from tests.workers.process import HIBARI, Worker, client, started
from workers.serving.lease import registration

pytestmark = pytest.mark.servers

START_S = 60.0
REGISTERED_AGAIN_S = 5.0
"""The contract, from Redis's return."""


@pytest.fixture(autouse=True)
def state_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PARLEY_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


def found_in(redis_server: RedisServer) -> OrchestratorSettings:
    """A client's settings: its only address is that of Redis."""
    return OrchestratorSettings(
        tts=TtsSection(discovery="redis", worker_address="127.0.0.1:1", default_model=HIBARI),
        redis=RedisSection(url=redis_server.url),
    )


def hibari(folder: Path, redis_server: RedisServer):  # type: ignore[no-untyped-def]
    redis = {"redis": {"url": redis_server.url}}
    return started(folder, beside=redis, adapter="hibari", default_model=HIBARI)


async def until_known(
    discovery: Discovery, *workers: WorkerAddress, within_s: float = START_S
) -> None:
    async with asyncio.timeout(within_s):
        while discovery.workers() != workers:  # noqa: ASYNC110 - a snapshot, it has no event
            await asyncio.sleep(0.02)


def addresses(workers: Iterable[Worker]) -> list[WorkerAddress]:
    """In the order of discovery."""
    return [WorkerAddress(target) for target in sorted(worker.target for worker in workers)]


@asynccontextmanager
async def pool_of(settings: OrchestratorSettings, worker: Worker) -> AsyncIterator[SpeechPool]:
    async with speech_pool(settings) as pool:
        await until_known(pool.roster.discovery, WorkerAddress(worker.target))
        await pool.roster.refresh()
        yield pool


async def spoken(pool: SpeechPool, *texts: str) -> int:
    """The samples of the texts, all of them."""

    async def each() -> AsyncIterator[str]:
        for text in texts:
            yield text

    samples, done = 0, None
    async for event in pool.synthesize(SynthesisRequest(voice=HIBARI), each()):
        match event:
            case AudioChunk():
                samples += len(event.samples)
            case SynthesisDone():
                done = event
    assert done is not None
    assert samples == done.total_samples
    return samples


async def test_a_worker_that_is_told_to_end_finishes_what_it_says_and_leaves_the_registry(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    may_go_on = asyncio.Event()

    async def texts() -> AsyncIterator[str]:
        yield "This is the first half,"
        await may_go_on.wait()
        yield "and this is the second."

    with hibari(tmp_path, redis_server) as worker:
        async with pool_of(found_in(redis_server), worker) as pool:
            discovery, target = pool.roster.discovery, worker.target
            speech = pool.synthesize(SynthesisRequest(voice=HIBARI), texts())
            async for event in speech:
                if isinstance(event, AudioChunk):
                    break
            worker.process.send_signal(signal.SIGTERM)
            await until_known(discovery, WorkerAddress(target, draining=True))
            may_go_on.set()
            done = [event async for event in speech][-1]
            assert isinstance(done, SynthesisDone)
            await until_known(discovery)
        assert await asyncio.to_thread(worker.process.wait, 20) == 0


async def test_a_rolling_restart_of_every_worker_under_load_loses_nothing(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    heard: list[int] = []
    enough = asyncio.Event()

    async def keep_speaking(pool: SpeechPool) -> None:
        while not enough.is_set():
            heard.append(await spoken(pool, "Whatever happens,", "I finish my sentence."))

    async with AsyncExitStack() as stack:
        old = [stack.enter_context(hibari(tmp_path / f"old-{n}", redis_server)) for n in range(2)]
        pool = await stack.enter_async_context(speech_pool(found_in(redis_server)))
        discovery = pool.roster.discovery
        await until_known(discovery, *addresses(old))
        await pool.roster.refresh()
        async with asyncio.TaskGroup() as speakers:
            for _ in range(2):
                speakers.create_task(keep_speaking(pool))
            running = list(old)
            for number, worker in enumerate(old):
                fresh = stack.enter_context(hibari(tmp_path / f"new-{number}", redis_server))
                await until_known(discovery, *addresses([*running, fresh]))
                worker.process.send_signal(signal.SIGTERM)
                running = [*running[1:], fresh]
                await until_known(discovery, *addresses(running))
                assert await asyncio.to_thread(worker.process.wait, 20) == 0
            enough.set()
    assert len(heard) > 4
    assert len(set(heard)) == 1, "the same text in the same voice is the same audio"


async def test_a_worker_that_starts_without_redis_serves_and_registers_when_it_comes(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    redis_server.stop()
    with hibari(tmp_path, redis_server) as worker:
        async with client(worker):  # it serves
            redis_server.start()
            discovery = speech_discovery(found_in(redis_server))
            async with discovery.watching():
                await until_known(
                    discovery, WorkerAddress(worker.target), within_s=REGISTERED_AGAIN_S
                )


async def test_calls_that_run_or_begin_while_redis_is_away_go_by_the_last_known_pool(
    redis_server: RedisServer, tmp_path: Path
) -> None:
    settings = found_in(redis_server)
    with hibari(tmp_path, redis_server) as worker:
        async with pool_of(settings, worker) as running:
            redis_server.stop()
            assert await spoken(running, "Nobody notices.")
            async with speech_pool(settings) as begun:  # as a new call's process does
                assert await spoken(begun, "Nobody notices here either.")
            redis_server.start()
            discovery = speech_discovery(settings)
            async with discovery.watching():
                await until_known(
                    discovery, WorkerAddress(worker.target), within_s=REGISTERED_AGAIN_S
                )
            assert await spoken(running, "Nor now.")


def test_redis_without_an_address_is_one_sentence_that_says_what_to_set() -> None:
    with pytest.raises(ConfigurationError, match=r"tts\.discovery is redis, but .*REDIS_URL"):
        speech_discovery(OrchestratorSettings(tts=TtsSection(discovery="redis")))


@pytest.mark.parametrize("url", ["localhost:6379", "http://:hunter2@h", "redis://:hunter2@h:x"])
def test_what_is_no_redis_address_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"REDIS_URL: redis\.url: expected") as refusal:
        load_orchestrator(environ={"REDIS_URL": url})
    assert "hunter2" not in str(refusal.value)


def settings_of_worker(**tts: object) -> WorkerSettings:
    return WorkerSettings(
        tts=TtsWorkerSection.model_validate(tts), redis=RedisSection(url="redis://127.0.0.1:1")
    )


async def test_a_worker_announces_the_address_under_which_others_reach_it(
    redis_server: RedisServer,
) -> None:
    settings = settings_of_worker(host="0.0.0.0", advertise="tts.example.org:17001")
    kept = settings.model_copy(update={"redis": RedisSection(url=redis_server.url)})
    lease = registration(kept, "synthesis", "a")
    assert lease is not None
    discovery = speech_discovery(found_in(redis_server))
    async with lease.announced(), discovery.watching():
        await until_known(discovery, WorkerAddress("tts.example.org:17001"))


def test_a_worker_that_nobody_could_reach_does_not_register() -> None:
    with pytest.raises(ConfigurationError, match=r"where nobody can call: set tts\.advertise"):
        registration(settings_of_worker(host="0.0.0.0"), "synthesis", "a")


@pytest.mark.parametrize("address", ["example.org", "a:1,b:2"])
def test_an_address_that_is_none_is_no_setting(address: str) -> None:
    with pytest.raises(ValueError, match="expected host:port"):
        TtsWorkerSection(advertise=address)


def test_a_worker_without_redis_registers_nowhere() -> None:
    assert registration(WorkerSettings(), "synthesis", "a") is None

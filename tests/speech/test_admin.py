"""All workers asked at once: what one of them lacks, or fails at, hides no other's answer."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from parley.discovery import StaticDiscovery
from parley.errors import VoiceNotFoundError, WorkerUnavailableError
from parley.speech.admin import WorkerAdmin
from parley.speech.channel import Channels
from testkit.fake_workers import RecognitionWorker, SpeechWorker, serving
from testkit.isolated_config import free_ports


@asynccontextmanager
async def admin_of(*targets: str) -> AsyncGenerator[WorkerAdmin]:
    channels = Channels()
    try:
        yield WorkerAdmin(StaticDiscovery(",".join(targets)), channels)
    finally:
        await channels.aclose()


@pytest.fixture
async def silent() -> AsyncGenerator[str]:
    """Takes connections and answers nothing."""
    server = await asyncio.start_server(lambda *_: asyncio.sleep(60), "127.0.0.1", 0)
    yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


async def test_a_worker_that_is_gone_or_silent_is_a_failure_beside_the_answers(silent: str) -> None:
    gone = f"127.0.0.1:{free_ports(1)[0]}"
    async with serving(SpeechWorker()) as target, admin_of(gone, silent, target) as admin:
        answers = await asyncio.wait_for(admin.status(timeout_s=0.5), 60)
    assert list(answers.by_target) == [gone, silent, target]
    assert list(answers.given) == [target]
    assert {str(error) for error in answers.failures.values()} == {
        f"speech worker {gone}: nothing listens there",
        f"speech worker {silent}: no answer within 0.5 s",
    }
    assert all(isinstance(e, WorkerUnavailableError) for e in answers.failures.values())


async def test_a_voice_is_loaded_by_those_that_know_it() -> None:
    async with (
        serving(SpeechWorker(voices=("tone",))) as poor,
        serving(SpeechWorker()) as rich,
        admin_of(poor, rich) as admin,
    ):
        answers = await admin.load("other")
    assert list(answers.given) == [rich]
    assert isinstance(answers.failures[poor], VoiceNotFoundError)


async def test_a_worker_of_the_other_kind_is_a_failure() -> None:
    async with serving(RecognitionWorker()) as target, admin_of(target) as admin:
        answers = await admin.serving()
    assert list(answers.failures) == [target]

"""Pools of calls that go by what their node knows, on real workers' sockets."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from parley import paths
from parley.discovery import StaticDiscovery
from parley.discovery.lease import Kind
from parley.errors import VoiceNotFoundError, WorkerUnavailableError
from parley.settings.orchestrator import AsrSection, OrchestratorSettings, TtsSection
from parley.speech import RecognitionPool, SpeechPool
from parley.speech.balancing.roster import Roster, asking_roster
from parley.speech.channel import Channels
from parley.speech.configured import node_link, node_scoreboard, recognition_pool, speech_pool
from parley.speech.node.link import NodeLink
from parley.speech.node.mirror import MirroredScoreboard
from parley.speech.node.server import NodeScoreboard
from tests.speech.fake_listener import FakeListener, listening
from tests.speech.fake_worker import FakeWorker, serving
from tests.speech.nodes import WITHIN_S, until
from tests.speech.test_hearing import TWO_TURNS, finals
from tests.speech.test_pool import ALL_WORDS, LONG, heard, said, speak


class Unasked(StaticDiscovery):
    """Discovery of a call that has to do without."""

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        raise AssertionError("the node knows the workers")
        yield


@asynccontextmanager
async def node_of(path: Path, targets: str, kind: Kind = "synthesis") -> AsyncIterator[Roster]:
    channels = Channels()
    roster = asking_roster(StaticDiscovery(targets), channels, kind)
    async with AsyncExitStack() as running:
        running.push_async_callback(channels.aclose)
        await running.enter_async_context(NodeScoreboard({kind: roster}, path).running())
        yield roster


@asynccontextmanager
async def workers_at(*workers: FakeWorker) -> AsyncGenerator[str]:
    async with AsyncExitStack() as stack:
        yield ",".join([await stack.enter_async_context(serving(worker)) for worker in workers])


def board_of(pool: SpeechPool) -> MirroredScoreboard:
    assert isinstance(pool.scoreboard, MirroredScoreboard)
    return pool.scoreboard


async def test_a_call_speaks_by_what_its_node_knows_and_asks_no_worker(tmp_path: Path) -> None:
    draining, open_ = FakeWorker(draining=True), FakeWorker()
    path = tmp_path / "node.sock"
    async with (
        workers_at(draining, open_) as targets,
        node_of(path, targets),
        NodeLink(path) as link,
        SpeechPool(Unasked(targets), node=link) as pool,
    ):
        for _ in range(4):
            assert heard(await speak(pool)) == ALL_WORDS
        with pytest.raises(VoiceNotFoundError, match="nobody"):
            await pool.load("nobody")
    assert not draining.opened
    assert len(open_.opened) == 4


async def test_a_call_listens_by_what_its_node_knows(tmp_path: Path) -> None:
    path = tmp_path / "node.sock"
    async with (
        listening(FakeListener()) as target,
        node_of(path, target, "recognition"),
        NodeLink(path) as link,
        RecognitionPool(Unasked(target), node=link) as pool,
    ):
        assert [final.text for final in await finals(pool, *TWO_TURNS)] == ["1 2 3", "4 5"]


async def test_a_server_that_ends_in_mid_utterance_costs_no_word_and_the_next_is_found(
    tmp_path: Path,
) -> None:
    workers, path = [FakeWorker(words_per_s=20) for _ in range(2)], tmp_path / "node.sock"
    async with workers_at(*workers) as targets, AsyncExitStack() as node:
        await node.enter_async_context(node_of(path, targets))
        async with (
            NodeLink(path) as link,
            SpeechPool(StaticDiscovery(targets), node=link) as pool,
        ):

            async def the_server_ends() -> None:
                asked = [asyncio.create_task(worker.asked.wait()) for worker in workers]
                await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
                for task in asked:
                    task.cancel()
                await node.aclose()

            _, events = await asyncio.gather(the_server_ends(), speak(pool, said(" ".join(LONG))))
            assert heard(events) == [int(word[1:]) for word in LONG]
            assert sum(len(worker.opened) for worker in workers) == 1
            assert heard(await speak(pool)) == ALL_WORDS
            await until(pool.scoreboard, lambda: board_of(pool).stands_in)
            assert heard(await speak(pool)) == ALL_WORDS
            async with node_of(path, targets):
                await until(pool.scoreboard, lambda: not board_of(pool).stands_in)
                assert heard(await speak(pool)) == ALL_WORDS


async def test_a_call_that_begins_without_a_server_asks_the_workers_itself(
    tmp_path: Path,
) -> None:
    async with (
        workers_at(FakeWorker()) as targets,
        NodeLink(tmp_path / "nobody.sock") as link,
        SpeechPool(StaticDiscovery(targets), node=link) as pool,
    ):
        assert heard(await speak(pool)) == ALL_WORDS


async def test_what_one_call_loses_another_of_the_node_knows_as_lost(tmp_path: Path) -> None:
    dying, other = FakeWorker(die_after_words=0), FakeWorker()
    path = tmp_path / "node.sock"
    async with (
        workers_at(dying, other) as targets,
        node_of(path, targets),
        NodeLink(path) as first_link,
        SpeechPool(Unasked(targets), node=first_link) as first,
        NodeLink(path) as second_link,
        SpeechPool(Unasked(targets), node=second_link) as second,
    ):
        lost = targets.split(",")[0]
        async with asyncio.timeout(WITHIN_S):
            while not dying.opened:
                assert heard(await speak(first)) == ALL_WORDS
        await until(
            second.scoreboard,
            lambda: any(c.target == lost and c.on_trial for c in second.scoreboard.candidates()),
        )


async def test_where_there_is_no_other_worker_one_call_s_loss_makes_no_other_call_wait(
    tmp_path: Path,
) -> None:
    path = tmp_path / "node.sock"
    async with (
        workers_at(FakeWorker()) as target,
        node_of(path, target),
        NodeLink(path) as first_link,
        SpeechPool(Unasked(target), node=first_link) as first,
        NodeLink(path) as second_link,
        SpeechPool(Unasked(target), node=second_link) as second,
    ):
        first.scoreboard.lost(target)
        await until(second.scoreboard, lambda: not second.scoreboard.candidates()[0].circuit_closed)
        picking = asyncio.create_task(second.pick({}))
        await asyncio.sleep(0)
        assert picking.done()
        picking = asyncio.create_task(first.pick({target: WorkerUnavailableError("lost")}))
        await asyncio.sleep(0)
        assert not picking.done()  # who lost it waits until it has rested
        assert (await picking).target == target


async def test_the_settings_of_an_agent_lead_its_calls_to_its_scoreboard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARLEY_STATE_DIR", str(tmp_path / ("state" * 30)))
    async with listening(FakeListener()) as ears, workers_at(FakeWorker()) as mouths:
        settings = OrchestratorSettings(
            tts=TtsSection(worker_address=mouths), asr=AsrSection(worker_address=ears)
        )
        async with (
            node_scoreboard(settings) as scoreboard,
            node_link(settings) as link,
            speech_pool(settings, link) as speaking,
            recognition_pool(settings, link) as hearing,
        ):
            assert link.up.is_set()
            assert scoreboard.jobs == 1
            assert heard(await speak(speaking)) == ALL_WORDS
            assert len(await finals(hearing, *TWO_TURNS)) == 2
            assert not board_of(speaking).stands_in
        assert not [file for file in paths.state_dir().rglob("*") if file.is_socket()]

"""Passages found by meaning and by words, from an index that is made once."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import web

from dialogue.embeddings.embedder import Embedder
from dialogue.retrieval.documents import DocumentFolder
from dialogue.retrieval.fusion import fused, query_words
from dialogue.retrieval.local import INITIALIZED, LocalRetriever
from dialogue.retrieval.opening import open_retriever
from dialogue.retrieval.remote import RemoteRetriever
from dialogue.retrieval.retriever import RetrievalError
from dialogue.retrieval.store import IndexState
from parley import paths
from parley.settings.retrieval import RetrievalSection
from tests.dialogue.knowledge import asking
from tests.dialogue.knowledge.asking import open_store
from tests.dialogue.knowledge.serving import serving
from tests.dialogue.knowledge.word_hash import WordHash, embedder

CHECK_S = 30.0


class Turned:
    """A clock."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "docs"
    made.mkdir()
    (made / "returns.md").write_text(
        "# Returns\nShoes come back within thirty days.\n## Refunds\nMoney is paid to the card."
    )
    (made / "hours.txt").write_text("We are open from nine until six, and closed on Sundays.")
    return made


Opened = Callable[..., LocalRetriever]


def opened(
    folder: Path,
    place: str,
    ours: Embedder | None,
    clock: Turned | None = None,
    events: list[tuple[str, int]] | None = None,
) -> LocalRetriever:
    def on_event(name: str, state: IndexState) -> None:
        if events is not None:
            events.append((name, state.passages))

    return LocalRetriever(
        DocumentFolder(folder),
        open_store(place),
        ours,
        check_s=CHECK_S,
        on_event=on_event,
        clock=clock or Turned(),
    )


async def sources(retriever: LocalRetriever, text: str) -> list[str]:
    async with asyncio.timeout(60):
        return [passage.source for passage in await retriever.query(text)]


async def test_the_passage_that_answers_is_first_with_where_it_is_from(
    folder: Path, place: str
) -> None:
    ours, events = embedder(), list[tuple[str, int]]()
    retriever = opened(folder, place, ours, events=events)
    assert (await retriever.stats()).state == "empty"
    passages = await retriever.query("When is the money of a refund paid?", 2)
    assert passages[0].text == "Money is paid to the card."
    assert passages[0].source == "returns.md#Refunds"
    assert passages[0].score >= passages[-1].score > 0
    assert (await sources(retriever, "are you open on sundays"))[0] == "hours.txt"
    assert events == [(INITIALIZED, 3)]
    stats = await retriever.stats()
    assert (stats.state, stats.documents, stats.passages) == ("ready", 2, 3)
    assert (stats.embeddings, stats.queries) == ("word-hash", 2)
    await retriever.aclose()
    await ours.aclose()


async def test_words_alone_find_it_too_in_any_form_and_nothing_finds_nothing(
    folder: Path, place: str
) -> None:
    retriever = opened(folder, place, None)
    found = await sources(retriever, "refunding my shoe")
    assert sorted(found) == ["returns.md#Refunds", "returns.md#Returns"]
    for nothing in ("mitochondria", "?!", "the of and", "'\" OR * NEAR( \0 & | ! :*"):
        assert await sources(retriever, nothing) == [], nothing
    await retriever.aclose()


async def test_documents_that_change_are_indexed_anew_and_only_what_is_new_is_embedded(
    folder: Path, place: str
) -> None:
    encoder, clock, events = WordHash(), Turned(), list[tuple[str, int]]()
    ours = embedder(encoder)
    retriever = opened(folder, place, ours, clock, events)
    assert await sources(retriever, "parking garage") == []
    (folder / "parking.txt").write_text("The parking garage is free.")
    assert await sources(retriever, "parking garage") == []  # not looked at again yet
    encoder.batches.clear()
    clock.now_s += CHECK_S
    async with asyncio.timeout(60):
        # The old index answers until the new one is there.
        while await sources(retriever, "parking garage") != ["parking.txt"]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    embedded = {text for batch in encoder.batches for text in batch} - {"parking garage"}
    assert embedded == {"parking: The parking garage is free."}
    (folder / "parking.txt").unlink()
    clock.now_s += CHECK_S
    async with asyncio.timeout(60):
        while await sources(retriever, "parking garage"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert events == [(INITIALIZED, 3), (INITIALIZED, 4), (INITIALIZED, 3)]
    await retriever.aclose()
    await ours.aclose()


async def test_another_process_that_replaces_the_index_is_noticed_at_the_next_query(
    folder: Path, place: str, tmp_path: Path
) -> None:
    retriever = opened(folder, place, None)
    assert (await sources(retriever, "open on sundays"))[0] == "hours.txt"
    newer = tmp_path / "newer"
    newer.mkdir()
    (newer / "days.txt").write_text("Now open on Sundays, too.")
    another = opened(newer, place, None)
    assert await sources(another, "open on sundays") == ["days.txt"]
    # Its own folder has not changed, so it leaves the newer index, and answers from it.
    assert await sources(retriever, "open on sundays") == ["days.txt"]
    assert await sources(retriever, "money of refunds") == []
    for each in (retriever, another):
        await each.aclose()


async def test_a_process_without_the_model_leaves_the_vectors_of_the_others(
    folder: Path, place: str
) -> None:
    ours = embedder()
    with_model = opened(folder, place, ours)
    await with_model.query("refunds")
    built_at_s = (await with_model.stats()).built_at_s
    without = opened(folder, place, None)
    assert (await sources(without, "refunds"))[0] == "returns.md#Refunds"
    stats = await without.stats()
    assert (stats.embeddings, stats.built_at_s) == ("word-hash", built_at_s)
    for each in (with_model, without):
        await each.aclose()
    await ours.aclose()


async def test_a_query_that_is_given_up_while_the_index_is_made_leaves_it_being_made(
    folder: Path, place: str
) -> None:
    encoder = WordHash()
    ours, builder = embedder(), embedder(encoder)
    encoder.may_go_on.clear()
    retriever = opened(folder, place, builder)
    retriever.start()
    async with asyncio.timeout(60):
        while not encoder.batches:  # noqa: ASYNC110 - a thread says so
            await asyncio.sleep(0.001)
    impatient = asyncio.create_task(retriever.query("refunds"))
    patient = asyncio.create_task(retriever.query("refunds"))
    await asyncio.sleep(0)
    impatient.cancel()
    await asyncio.gather(impatient, return_exceptions=True)
    assert impatient.cancelled()
    encoder.may_go_on.set()
    assert (await patient)[0].source == "returns.md#Refunds"
    await retriever.aclose()
    await builder.aclose()
    await ours.aclose()


async def test_a_folder_that_is_not_there_is_an_error_until_it_is(
    tmp_path: Path, place: str
) -> None:
    clock = Turned()
    retriever = opened(tmp_path / "docs", place, None, clock)
    with pytest.raises(RetrievalError, match="not there"):
        await retriever.query("refunds")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.txt").write_text("Refunds are paid.")
    with pytest.raises(RetrievalError, match="not there"):
        await retriever.query("refunds")
    clock.now_s += CHECK_S
    retriever.start()
    async with asyncio.timeout(60):
        while (await retriever.stats()).state != "ready":  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert await sources(retriever, "refunds") == ["a.txt"]
    await retriever.aclose()


def _process(*arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, asking.__file__, *arguments],
        cwd=paths.repository(),
        env={"PYTHONPATH": str(paths.repository()), "OPENBLAS_NUM_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _go(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


async def test_fifty_first_queries_over_four_processes_make_the_index_once(
    tmp_path: Path, place: str
) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    for number in range(30):
        (folder / f"{number}.txt").write_text(f"All that is said of topic{number} stands here.")
    processes = [_process(str(folder), place, str(n)) for n in (13, 13, 12, 12)]
    for process in processes:
        assert _line(process) == "ready"
    for process in processes:
        _go(process)
    came_to = [json.loads(_line(process)) for process in processes]
    for process in processes:
        process.communicate()
    events = [event for each in came_to for event in each["events"]]
    assert events == [INITIALIZED]
    assert len({each["built_at_s"] for each in came_to}) == 1
    for each in came_to:
        assert each["passages"] == 30
        assert each["first"] == [f"{n % 30}.txt" for n in range(len(each["first"]))]
    assert sum(len(each["first"]) for each in came_to) == 50


async def test_a_process_killed_while_it_makes_the_index_leaves_it_to_the_next(
    folder: Path, place: str
) -> None:
    holder = _process(str(folder), place, "0", "hold")
    assert _line(holder) == "held"
    retriever = opened(folder, place, None)
    waiting = asyncio.create_task(retriever.query("refunds"))
    async with asyncio.timeout(60):
        while (await retriever.stats()).state != "building":  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert not waiting.done()
    holder.kill()
    holder.communicate()
    async with asyncio.timeout(60):
        assert (await waiting)[0].source == "returns.md#Refunds"
    await retriever.aclose()


async def test_a_database_that_is_away_is_an_error_without_its_password(folder: Path) -> None:
    pytest.importorskip("asyncpg")
    retriever = opened(folder, "postgresql://parley:hunter2@127.0.0.1:1/x", None)
    with pytest.raises(RetrievalError, match=r"127\.0\.0\.1:1 failed") as error:
        await retriever.query("refunds")
    assert "hunter2" not in str(error.value)
    await retriever.aclose()


async def test_a_service_elsewhere_is_asked_with_the_same_interface() -> None:
    asked: list[object] = []

    async def query(request: web.Request) -> web.Response:
        asked.append(await request.json())
        return web.json_response({"passages": [{"text": "a", "source": "b", "score": 0.5}] * 9})

    async with serving({"POST /api/v1/query": query}) as url:
        retriever = open_retriever(RetrievalSection(url=url), None)
        assert isinstance(retriever, RemoteRetriever)
        found = await retriever.query("refunds", 3)
        assert (await retriever.stats()).state == "remote"
        await retriever.aclose()
    assert asked == [{"query": "refunds", "limit": 3}]
    assert [(p.text, p.source, p.score) for p in found] == [("a", "b", 0.5)] * 3


async def test_a_service_that_answers_nonsense_is_an_error() -> None:
    async def query(_: web.Request) -> web.Response:
        return web.json_response({"passages": [{"source": "b"}]})

    async with serving({"POST /api/v1/query": query}) as url:
        retriever = RemoteRetriever(url)
        with pytest.raises(RetrievalError, match=r"passages\.0\.text"):
            await retriever.query("refunds")
        await retriever.aclose()


def test_settings_that_name_no_documents_open_nothing() -> None:
    assert open_retriever(RetrievalSection(), None) is None


def test_fusion_prefers_what_both_rankings_have() -> None:
    assert [number for number, _ in fused([[1, 2, 3], [4, 2, 1]])] == [1, 2, 4, 3]


def test_words_of_a_query_are_those_that_tell_passages_apart() -> None:
    assert query_words("What's the best-selling TV of 2024, please?") == [
        "best-selling",
        "tv",
        "2024",
    ]
    assert query_words("who are you") == []
    began_s = time.perf_counter()
    query_words("a." * 100_000)
    assert time.perf_counter() - began_s < 30  # a pattern that goes back and forth takes hours

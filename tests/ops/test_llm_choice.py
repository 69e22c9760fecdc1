"""Which local model is served, and how the larger one takes over."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ops.llm_choice import Room, choose_llm
from ops.llm_successor import Successor
from ops.local_llm import opening_of
from parley.capacity import PATH, Capacity
from parley.fetch.stamp import write_stamp
from parley.models import find
from parley.settings import OrchestratorSettings
from parley.settings.orchestrator import LARGE_LLM, SMALL_LLM, LlmSection, ServerSection

ROOMY = Room(memory_bytes=8_000_000_000, cores=4)


def auto(**changes: object) -> OrchestratorSettings:
    return OrchestratorSettings.model_validate({"llm": {"local_model": "auto"}, **changes})


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PARLEY_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def large_is_here(cache: Path) -> None:
    """As the store sees it: a file as large, with its mark."""
    spec = find(LARGE_LLM)
    folder = cache / "models" / spec.name
    folder.mkdir(parents=True)
    with (folder / spec.files[0].name).open("wb") as sparse:
        sparse.truncate(spec.files[0].size_bytes)
    marked = "".join(f"{file.checksum.hex}  {file.name}\n" for file in spec.files)
    write_stamp(folder / ".stamp", marked, [folder / file.name for file in spec.files])


@pytest.mark.usefixtures("large_is_here")
def test_the_larger_model_is_served_where_there_is_room() -> None:
    choice = choose_llm(auto(), ROOMY)
    assert (choice.model, choice.successor) == (LARGE_LLM, "")
    assert str(choice) == (
        f"language model: {LARGE_LLM} (8.0 GB of free memory, 4 cores; LLM_LOCAL_MODEL={SMALL_LLM} "
        "takes the other, which is sooner and wrong more often)"
    )


@pytest.mark.usefixtures("large_is_here")
@pytest.mark.parametrize("room", [Room(3_900_000_000, 4), Room(64_000_000_000, 3)])
def test_the_smaller_model_is_served_where_there_is_not_and_why_is_said(room: Room) -> None:
    choice = choose_llm(auto(), room)
    assert (choice.model, choice.successor) == (SMALL_LLM, "")
    assert str(choice) == (
        f"language model: {SMALL_LLM} ({room}; LLM_LOCAL_MODEL={LARGE_LLM} takes the other, which "
        "is right more often and needs 4 GB and 4 cores)"
    )


def test_the_larger_arranges_its_weights_only_where_there_is_room_for_a_second_copy() -> None:
    assert ROOMY.is_repacked(LARGE_LLM)
    assert Room(1_000_000_000, 2).is_repacked(SMALL_LLM)
    assert not Room(4_900_000_000, 4).is_repacked(LARGE_LLM)


@pytest.mark.usefixtures("cache")
def test_a_first_call_waits_for_the_smaller_model_only() -> None:
    choice = choose_llm(auto(), ROOMY)
    assert (choice.model, choice.successor) == (SMALL_LLM, LARGE_LLM)
    assert "takes over between calls" in str(choice)


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("model", [SMALL_LLM, LARGE_LLM])
def test_a_model_that_is_named_is_served_whatever_room_there_is(model: str) -> None:
    choice = choose_llm(auto(llm={"local_model": model}), Room(0, 1))
    assert (choice.model, choice.successor) == (model, "")


def test_only_a_model_that_learns_from_examples_is_shown_them() -> None:
    settings = OrchestratorSettings()
    assert len(opening_of(settings, LARGE_LLM)) > len(opening_of(settings, SMALL_LLM)) == 3


@pytest.fixture
def rooms() -> Iterator[tuple[list[str], int]]:
    """The calls that an agent has, and the port where it says so."""
    calls: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.path == PATH
            told = Capacity(takes_calls=True, max_sessions=4, rooms=tuple(calls))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(told.model_dump_json().encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield calls, server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.usefixtures("large_is_here")
def test_it_takes_over_between_calls(rooms: tuple[list[str], int]) -> None:
    calls, port = rooms
    calls.append("a room")
    settings = OrchestratorSettings(
        server=ServerSection(health_check_port=port), llm=LlmSection(local_model="auto")
    )
    successor = Successor(LARGE_LLM, settings)
    assert successor.is_here.wait(30)
    assert not successor.may_take_over()
    calls.clear()
    assert successor.may_take_over()

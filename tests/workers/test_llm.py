"""The local LLM on its real wire, with the real model."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from parley.settings.orchestrator import DEFAULT_INSTRUCTIONS, SMALL_LLM
from testkit.isolated_config import free_ports

pytestmark = [pytest.mark.servers, pytest.mark.timeout(600)]

INSTRUCTIONS = {"role": "system", "content": DEFAULT_INSTRUCTIONS}
QUESTION = {"role": "user", "content": "what's the capital of france"}


@dataclass(frozen=True)
class LocalLlm:
    process: subprocess.Popen[str]
    port: int

    def client(self) -> httpx.Client:
        # llama.cpp closes a connection after a stream without saying so beforehand.
        return httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}",
            headers={"Connection": "close"},
            timeout=300,
        )

    def events(self, messages: list[dict[str, str]], **options: object) -> Iterator[dict[str, Any]]:
        """The events of a streamed answer, without the [DONE] that must end them."""
        body = {"messages": messages, "stream": True, "temperature": 0, **options}
        last = ""
        with (
            self.client() as client,
            client.stream("POST", "/v1/chat/completions", json=body) as response,
        ):
            assert response.status_code == 200
            for line in response.iter_lines():
                last = line or last
                if line.startswith("data: {"):
                    yield json.loads(line.removeprefix("data: "))
        assert last == "data: [DONE]"

    def answer(self, messages: list[dict[str, str]], **options: object) -> tuple[str, Any]:
        """The whole answer and the server's timings of it."""
        events = list(self.events(messages, **options))
        return "".join(map(text_of, events)), events[-1]["timings"]


def text_of(event: dict[str, Any]) -> str:
    return event["choices"][0]["delta"].get("content") or ""


def start(folder: Path, port: int, *arguments: str) -> subprocess.Popen[str]:
    folder.mkdir(exist_ok=True)
    (folder / "orchestrator.yaml").write_text(
        f"llm: {{local_port: {port}, local_model: {SMALL_LLM}}}\nagent: {{max_sessions: 2}}\n"
    )
    return subprocess.Popen(
        [sys.executable, "-m", "ops.local_llm", *arguments],
        cwd=Path(__file__).parents[2],
        env=os.environ
        | {"PARLEY_CONFIG_DIR": str(folder), "PARLEY_STATE_DIR": str(folder / "state")},
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def running(folder: Path) -> Iterator[LocalLlm]:
    (port,) = free_ports(1)
    process = start(folder, port)
    assert process.stderr is not None
    try:
        assert any("ready:" in line for line in process.stderr), "it ended before it was ready"
        yield LocalLlm(process, port)
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def llm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalLlm]:
    with running(tmp_path_factory.mktemp("configs")) as llm:
        yield llm


def test_the_first_call_finds_the_instructions_already_read(llm: LocalLlm) -> None:
    answer, timings = llm.answer([INSTRUCTIONS, QUESTION])
    assert "Paris" in answer
    assert timings["cache_n"] > timings["prompt_n"]


def test_an_answer_comes_token_by_token(llm: LocalLlm) -> None:
    pieces = [text_of(event) for event in llm.events([INSTRUCTIONS, QUESTION])]
    assert sum(bool(piece) for piece in pieces) >= 3


def test_a_conversation_that_goes_on_is_read_only_from_where_it_went_on(llm: LocalLlm) -> None:
    conversation = [INSTRUCTIONS, QUESTION]
    answer, first = llm.answer(conversation)
    conversation += [
        {"role": "assistant", "content": answer},
        {"role": "user", "content": "and of spain"},
    ]
    _, second = llm.answer(conversation)
    assert second["cache_n"] >= first["cache_n"] + first["prompt_n"]
    assert second["prompt_n"] < 32


def test_a_conversation_that_lost_its_oldest_messages_is_not_read_again(llm: LocalLlm) -> None:
    turns = [
        {"role": role, "content": f"{number} is the number of {thing} that we saw at the harbour"}
        for number, thing in enumerate(("boats", "gulls", "ropes", "nets", "flags", "crates"))
        for role in ("user", "assistant")
    ]
    _, whole = llm.answer([INSTRUCTIONS, *turns, QUESTION], max_tokens=8)
    answer, shortened = llm.answer([INSTRUCTIONS, *turns[4:], QUESTION], max_tokens=8)
    assert "Paris" in answer
    assert shortened["prompt_n"] < whole["prompt_n"] / 4


def test_two_conversations_are_answered_at_once(llm: LocalLlm) -> None:
    order: list[str] = []
    both_speak = threading.Barrier(2, timeout=120)

    def converse(name: str) -> None:
        options = {"max_tokens": 60, "ignore_eos": True}
        for number, event in enumerate(llm.events([INSTRUCTIONS, QUESTION], **options)):
            if number == 0:
                both_speak.wait()  # neither has been told all before both have begun
            if text_of(event):
                order.append(name)

    threads = [threading.Thread(target=converse, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert order.count("a") > 10
    assert order.count("b") > 10


def test_only_this_machine_and_no_web_page_can_use_it(llm: LocalLlm) -> None:
    listening = [
        connection.laddr.ip
        for connection in psutil.Process(llm.process.pid).net_connections()
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening == ["127.0.0.1"]
    with llm.client() as client:
        answer = client.get("/v1/models", headers={"Origin": "http://a.page.example"})
        allowed = answer.headers.get("Access-Control-Allow-Origin")
        assert allowed not in ("*", "http://a.page.example")
        assert client.get("/slots").status_code != 200  # they hold what people said


def test_a_request_that_is_too_long_is_refused_and_the_next_is_answered(llm: LocalLlm) -> None:
    long = {"role": "user", "content": "word " * 6000}
    with llm.client() as client:
        refused = client.post("/v1/chat/completions", json={"messages": [INSTRUCTIONS, long]})
        assert refused.status_code == 400
        assert "context" in refused.json()["error"]["message"]
    assert "Paris" in llm.answer([INSTRUCTIONS, QUESTION])[0]


def test_sigterm_in_the_middle_of_an_answer_ends_it_without_leftovers(tmp_path: Path) -> None:
    with running(tmp_path) as llm:
        events = llm.events([INSTRUCTIONS, QUESTION], max_tokens=2000, ignore_eos=True)
        next(events)
        started = psutil.Process(llm.process.pid).children(recursive=True)
        llm.process.send_signal(signal.SIGTERM)
        with pytest.raises((httpx.HTTPError, AssertionError)):
            list(events)
        assert llm.process.wait(20) == 0
        assert started == []
        with socket.socket() as taken_over:
            taken_over.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken_over.bind(("127.0.0.1", llm.port))


def test_a_port_in_use_is_one_sentence_and_status_2(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        process = start(tmp_path, port)
        _, said = process.communicate(timeout=120)
    assert process.returncode == 2
    assert said.splitlines() == [
        f"port {port} for the local LLM cannot be had on 127.0.0.1 (Address already in use): "
        "stop what uses it, or set llm.local_port in orchestrator.yaml"
    ]


def test_a_successor_takes_over_under_the_same_pid_with_the_opening_that_was_read(
    tmp_path: Path,
) -> None:
    (port,) = free_ports(1)
    # The same model once more: there is none that is quicker to load, and the way is the same.
    process = start(tmp_path, port, "--model", SMALL_LLM, "--then", SMALL_LLM)
    assert process.stderr is not None
    try:
        assert any("takes over" in line for line in process.stderr)
        assert any("ready:" in line for line in process.stderr)
        answer, timings = LocalLlm(process, port).answer([INSTRUCTIONS, QUESTION])
        assert "Paris" in answer
        assert timings["cache_n"] > timings["prompt_n"]
    finally:
        process.kill()
        process.communicate()


def test_every_slot_has_the_opening_from_the_start(llm: LocalLlm) -> None:
    for slot in range(2):
        _, timings = llm.answer([INSTRUCTIONS, QUESTION], id_slot=slot, max_tokens=1)
        assert timings["cache_n"] > timings["prompt_n"]

"""The calls of an agent server that was killed are found by another, once, and no others are."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.job_book import BookedCall, JobBook

SERVER = """
import sys
from pathlib import Path
from agent.job_book import BookedCall, JobBook
book = JobBook(Path(sys.argv[1]))
for number in range(int(sys.argv[2])):
    book.begun(BookedCall(f"{sys.argv[3]}-room-{number}", f"agent-{number}", f"AD_{number}"))
for number in range(int(sys.argv[2]) // 2):
    book.ended(f"{sys.argv[3]}-room-{number}")
print("ready", flush=True)
input()
book.close()
"""


@contextmanager
def server(folder: Path, calls: int, name: str = "a") -> Iterator["subprocess.Popen[str]"]:
    """A process that has begun so many calls and ended half of them."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(folder), str(calls), name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def rooms(calls: list[BookedCall]) -> list[str]:
    return sorted(call.room for call in calls)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGBUS])
@pytest.mark.parametrize("calls", [0, 1, 5, 300])
def test_calls_of_a_server_that_was_killed_are_found_once(
    tmp_path: Path, number: signal.Signals, calls: int
) -> None:
    with server(tmp_path, calls) as first:
        os.kill(first.pid, number)
        first.wait()
        book = JobBook(tmp_path)
        expected = sorted(f"a-room-{n}" for n in range(calls // 2, calls))
        assert rooms(book.left_behind()) == expected
        assert book.left_behind() == []
        book.close()
    assert list(tmp_path.iterdir()) == []


def test_calls_of_servers_that_live_or_ended_by_themselves_are_left_alone(tmp_path: Path) -> None:
    with server(tmp_path, 4, "lives"), server(tmp_path, 4, "ends") as ending:
        ending.communicate("\n")
        with server(tmp_path, 2, "dies") as dying:
            dying.kill()
            dying.wait()
            book = JobBook(tmp_path)
            book.begun(BookedCall("own-room", "agent", "AD_x"))
            assert rooms(book.left_behind()) == ["dies-room-1"]
            book.close()


@pytest.mark.parametrize("content", ["", "[", '[{"room": 1}]', "\x00" * 50])
def test_a_file_that_makes_no_sense_is_no_call_and_hinders_nothing(
    tmp_path: Path, content: str
) -> None:
    (tmp_path / "agent-calls-1.json").write_text(content)
    with server(tmp_path, 2) as dying:
        dying.kill()
        dying.wait()
        assert rooms(JobBook(tmp_path).left_behind()) == ["a-room-1"]


def test_a_folder_that_cannot_be_written_costs_the_book_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    book = JobBook(tmp_path / "file" / "folder")
    book.begun(BookedCall("room", "agent", "AD_1"))
    book.ended("room")
    assert book.left_behind() == []
    book.close()

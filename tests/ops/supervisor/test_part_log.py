"""Logs stay bounded, and are read from their end and as they grow."""

import os
from pathlib import Path

import pytest

from ops.supervisor.part_log import LogFollower, PartLog, last_lines


def test_a_log_is_rotated_by_size_and_only_so_many_files_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "tts.log"
    log = PartLog(file, max_bytes=100, kept_files=2)
    for number in range(50):
        log.write(b"%09d\n" % number)
    log.close()
    files = sorted(tmp_path.iterdir())
    assert [f.name for f in files] == ["tts.log", "tts.log.1", "tts.log.2"]
    assert all(f.stat().st_size <= 110 for f in files)
    newest_first = [file, *files[1:]]
    kept = b"".join(f.read_bytes() for f in reversed(newest_first))
    assert kept.endswith(b"000000049\n")
    assert kept.splitlines() == sorted(kept.splitlines())


def test_a_new_run_appends_to_the_log_of_the_one_before(tmp_path: Path) -> None:
    for text in (b"first\n", b"second\n"):
        log = PartLog(tmp_path / "a.log")
        log.write(text)
        log.close()
    assert last_lines(tmp_path / "a.log", 9) == ["first", "second"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_disk_costs_log_lines_and_not_the_part(tmp_path: Path) -> None:
    (tmp_path / "a.log").symlink_to("/dev/full")
    PartLog(tmp_path / "a.log").write(b"lost\n")


@pytest.mark.parametrize("size", [0, 1, 9, 200_000])
def test_the_last_lines_of_any_log(tmp_path: Path, size: int) -> None:
    file = tmp_path / "a.log"
    lines = [f"line {number} ü" for number in range(size)]
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    assert last_lines(file, 5) == lines[-5:]
    assert last_lines(file, 0) == []


@pytest.mark.parametrize("own", [0, 1, 4, 40_000])
def test_the_last_lines_of_one_s_own(tmp_path: Path, own: int) -> None:
    file = tmp_path / "a.log"
    file.write_text("another's\n" * 20_000)
    begun_at = file.stat().st_size
    with file.open("a") as log:
        log.writelines(f"own {number}\n" for number in range(own))
    found = last_lines(file, 5, since=begun_at)
    assert found == [f"own {number}" for number in range(max(0, own - 5), own)]


def test_a_log_that_does_not_exist_has_no_lines(tmp_path: Path) -> None:
    assert last_lines(tmp_path / "none.log", 5) == []


def test_following_goes_on_through_a_rotation_and_loses_nothing(tmp_path: Path) -> None:
    file = tmp_path / "a.log"
    log = PartLog(file, max_bytes=40)
    log.write(b"before\n")
    follower = LogFollower(file)
    log.write(b"one\ntw")
    assert follower.new_lines() == ["one"]
    log.write(b"o\n" + b"x" * 40 + b"\n")
    log.write(b"in the new file\n")
    assert follower.new_lines() == ["two", "x" * 40, "in the new file"]
    assert follower.new_lines() == []


def test_following_a_log_that_comes_later_has_its_first_line(tmp_path: Path) -> None:
    follower = LogFollower(tmp_path / "a.log")
    assert follower.new_lines() == []
    (tmp_path / "a.log").write_bytes(b"first\n")
    assert follower.new_lines() == ["first"]
    os.truncate(tmp_path / "a.log", 0)
    assert follower.new_lines() == []

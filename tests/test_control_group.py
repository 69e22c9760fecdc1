"""What a process may use of its machine: its container's bounds, not the machine's."""

import math
import os
from pathlib import Path

import pytest

from parley.control_group import memory_left, own_groups, usable_cores

HERE = len(os.sched_getaffinity(0))


def test_the_groups_are_the_own_one_and_those_around_it(tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.write_text("4:memory:/elsewhere\n0::/a.slice/b.service\n")
    inner = tmp_path / "a.slice" / "b.service"
    assert own_groups(tmp_path, own) == (inner, inner.parent, tmp_path)
    own.write_text("0::/\n")
    assert own_groups(tmp_path, own) == (tmp_path,)
    assert own_groups(tmp_path, tmp_path / "none") == ()


@pytest.mark.parametrize(
    ("quota", "cores"),
    [
        ("max 100000", HERE),
        ("6400000 100000", min(HERE, 64)),
        ("100000 100000", 1),
        ("50000 100000", 1),
        ("nonsense", HERE),
    ],
)
def test_a_share_of_time_bounds_the_cores(tmp_path: Path, quota: str, cores: int) -> None:
    (tmp_path / "cpu.max").write_text(f"{quota}\n")
    assert usable_cores([tmp_path / "none", tmp_path]) == cores


def test_the_cores_that_a_process_is_kept_to_count_and_not_those_of_the_machine() -> None:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert usable_cores([]) == 1
    finally:
        os.sched_setaffinity(0, before)


def test_memory_is_what_the_tightest_group_leaves(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    for folder, limit, used in ((tmp_path, "2000000000", 500_000_000), (inner, "max", 1)):
        (folder / "memory.max").write_text(f"{limit}\n")
        (folder / "memory.current").write_text(f"{used}\n")
    assert memory_left([inner, tmp_path]) == 1_500_000_000
    assert memory_left([inner]) == memory_left([tmp_path / "none"]) == memory_left([]) == math.inf

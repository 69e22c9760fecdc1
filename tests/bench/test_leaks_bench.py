"""The leak test tells growth from noise, and reads every part and folder of a running Parley."""

import os
import re
from pathlib import Path

import numpy as np
import pytest

from bench.leak_load import Ending, endings
from bench.leak_readings import FOLDERS, read_folders, read_part
from bench.leak_slopes import LEAST_READINGS, LeakReading, fit
from bench.leaks import LIMITS, PARTS, Leaks, Unit, document_of, measure, promises_of
from parley import paths

CALLS = 300


def readings(per_call: float, *, noise: float, seed: int = 1) -> list[LeakReading]:
    """A hundred of a part that has 200 MB: it fills caches, then grows so many kB per call; the
    noise of one reading is felt in those after it."""
    chance, felt, made = np.random.default_rng(seed), 0.0, []
    for done in range(3, CALLS + 1, 3):
        felt = 0.6 * felt + chance.normal(0.0, noise)
        caches = 20_000 * (1 - np.exp(-done / 15))
        made.append(LeakReading(done, 200_000 + caches + per_call * done + felt))
    return made


@pytest.mark.parametrize("per_call", [0.0, 20.0, 200.0, -30.0])
def test_the_interval_holds_the_growth(per_call: float) -> None:
    slopes = [fit(readings(per_call, noise=500, seed=seed)) for seed in range(10)]
    within = sum(slope.low <= per_call <= slope.high for slope in slopes)
    assert within >= 8
    assert all(slope.low < slope.per_unit < slope.high for slope in slopes)


@pytest.mark.parametrize(
    ("unit", "measured"),
    [("call", "memory_kb"), ("call", "descriptors"), ("utterance", "tasks"), ("call", "disk_kb")],
)
def test_a_leak_of_every_kind_is_seen_and_noise_is_none(unit: Unit, measured: str) -> None:
    limit, memory_kb = LIMITS[unit][measured], LIMITS["call"]["memory_kb"]

    def exceeds(per_unit: float, *, noise: float, seed: int = 1) -> bool:
        """What grows like memory, in the measure's own size."""
        like_memory = readings(per_unit * memory_kb / limit, noise=noise, seed=seed)
        scaled = [LeakReading(r.done, r.value * limit / memory_kb) for r in like_memory]
        return fit(scaled).exceeds(limit)

    assert all(exceeds(times * limit, noise=2000) for times in (4, 20))
    assert exceeds(1.5 * limit, noise=200)
    assert not any(exceeds(0.0, noise=2000, seed=seed) for seed in range(3))


def test_what_is_filled_in_the_warm_up_and_one_step_later_are_no_slope() -> None:
    stepped = [
        LeakReading(r.done, r.value + 30_000 * (r.done > 290)) for r in readings(0, noise=100)
    ]
    assert not fit(stepped).exceeds(LIMITS["call"]["memory_kb"])


def test_what_does_not_move_has_no_slope_at_all() -> None:
    flat = fit([LeakReading(n, 7.0) for n in range(1, 101)])
    assert (flat.per_unit, flat.low, flat.high) == (0.0, 0.0, 0.0)


def test_a_slope_needs_readings_after_the_warm_up() -> None:
    few = [LeakReading(n, 1.0) for n in range(1, LEAST_READINGS + 1)]
    with pytest.raises(ValueError, match="too few"):
        fit(few)
    with pytest.raises(ValueError, match="too few"):
        fit([])


def leaks_with(per_call: float, *, part: str = "asr") -> Leaks:
    leaks = Leaks(calls=CALLS)
    leaks.readings[part, "memory_kb", "call"] = readings(per_call, noise=500)
    leaks.readings["tts", "descriptors", "utterance"] = [
        LeakReading(n, 20.0) for n in range(1, 101)
    ]
    return leaks


def kept(leaks: Leaks) -> dict[str, bool]:
    return {promise.name: promise.kept for promise in promises_of(leaks, leaks.growths())}


def broken(leaks: Leaks) -> set[str]:
    return {name for name, is_kept in kept(leaks).items() if not is_kept}


def test_the_promises_are_kept_by_what_is_flat_and_broken_by_a_leak() -> None:
    assert all(kept(leaks_with(0.0)).values())
    assert broken(leaks_with(200.0)) == {"asr_memory_kb_per_call"}


def test_a_part_that_began_anew_or_calls_that_failed_prove_nothing() -> None:
    leaks = leaks_with(0.0)
    leaks.restarts, leaks.failures = 1, ["call 1: no"] * 31
    assert broken(leaks) == {"restarts", "calls_held"}


def test_logs_and_sessions_are_told_and_not_judged() -> None:
    leaks = Leaks(calls=CALLS)
    leaks.readings["logs", "disk_kb", "call"] = readings(45.0, noise=1)
    assert [growth.part for growth in leaks.growths()] == ["logs"]
    assert set(kept(leaks)) == {"calls_held", "restarts"}


def test_every_field_is_documented() -> None:
    page = (paths.repository() / "docs" / "bench.md").read_text("utf-8")
    section = page.partition("## leaks")[2].partition("\n## ")[0]
    names = set(re.findall(r"`(?:\w+\[\]\.)?(\w+)(?:\[\])?`", section))
    document = document_of(leaks_with(0.0), 0.0)
    assert set(document) | set(document["growths"][0]) <= names | {"machine"}


def test_callers_leave_in_every_way() -> None:
    used = {ending for batch in range(10) for ending in endings(batch, 3)}
    assert used == set(Ending)


def test_a_process_is_read_with_its_threads_and_descriptors(tmp_path: Path) -> None:
    before = read_part(os.getpid())
    with (tmp_path / "open").open("w"):
        opened = read_part(os.getpid())
    assert opened.descriptors == before.descriptors + 1
    assert before.memory_kb > 10_000
    assert before.processes >= 1 and before.threads >= 1
    assert before.tasks is None


def test_files_are_told_apart_by_what_they_are_kept_for(tmp_path: Path) -> None:
    state, scratch = tmp_path / "state", tmp_path / "tmp"
    for file in ("logs/asr.log", "logs/asr.log.1", "sessions.db", "sessions.db-wal", "keys"):
        place = state / file
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(bytes(range(256)) * 32)
    scratch.mkdir()
    found = read_folders(state, scratch)
    assert set(found) == set(FOLDERS)
    assert {name: folder.files for name, folder in found.items()} == {
        "logs": 2,
        "sessions": 2,
        "state": 1,
        "temporary": 0,
    }
    assert found["logs"].disk_kb > found["state"].disk_kb > found["temporary"].disk_kb


@pytest.mark.servers
@pytest.mark.e2e
async def test_a_few_calls_and_utterances_are_held_and_every_part_is_read() -> None:
    leaks = await measure(4, 4)
    assert not leaks.failures
    assert (leaks.calls, leaks.utterances, leaks.restarts) == (4, 4, 0)
    for part in PARTS:
        for measured in ("memory_kb", "threads", "descriptors", "processes"):
            assert all(r.value > 0 for r in leaks.readings[part, measured, "call"])
    for part in ("asr", "tts", "agent", "gateway"):
        assert leaks.readings[part, "tasks", "utterance"]
    assert {part for part, _, _ in leaks.readings} == {*PARTS, *FOLDERS}
    # The last job of a batch has ended when it is read.
    assert leaks.not_quiet == 0
    assert leaks.readings["agent", "processes", "call"][-1].value > 1

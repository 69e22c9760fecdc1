"""The pool benchmark: its figures, its promises, and one small run of all of it."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.percentiles import percentile
from bench.pool import PoolFigures, PoolReport
from bench.pool_streams import AdmittedUtterance, Outcome, PoolEngine
from bench.promise import Promise
from parley import paths


def outcome(
    first_audio_ms: float, *, shares: tuple[int, ...] = (5, 5), refused_ms: tuple[float, ...] = ()
) -> Outcome:
    spoken = [
        AdmittedUtterance(f"tts-{worker}", first_audio_ms + 5.0)
        for worker, count in enumerate(shares, start=1)
        for _ in range(count)
    ]
    return Outcome(streams=8, spoken=spoken, refused_ms=list(refused_ms))


def report(
    *,
    shares: tuple[int, ...] = (40, 40),
    slow_ms: float = 50.0,
    overload_ms: float = 50.0,
    refused_ms: tuple[float, ...] = (10.0,),
) -> PoolReport:
    report = PoolReport(PoolEngine("hibari", "voice"))
    for count in (1, 2, 4):
        report.add(f"{count}_workers", len(shares), outcome(50.0, shares=shares))
    report.add("healthy", 2, outcome(50.0))
    report.add("one_slow", 2, outcome(slow_ms))
    report.add("capacity", 2, outcome(50.0))
    report.add("overload", 2, outcome(overload_ms, refused_ms=refused_ms))
    return report


def broken(report: PoolReport) -> list[str]:
    return [promise.name for promise in report.promises() if not promise.kept]


def test_a_pool_that_does_well_keeps_every_promise() -> None:
    assert broken(report()) == []


@pytest.mark.parametrize(
    ("measured", "promise"),
    [
        ({"shares": (72, 8)}, "busiest_worker_over_mean"),
        ({"shares": (0, 160)}, "busiest_worker_over_mean"),
        ({"slow_ms": 80.0}, "p99_with_a_slow_worker"),
        ({"slow_ms": 900.0}, "p99_with_a_slow_worker"),
        ({"overload_ms": 80.0}, "admitted_p95_at_twice_capacity"),
        ({"refused_ms": (10, 2000)}, "refusal_p95_ms"),
        ({"refused_ms": (401, 401, 401)}, "refusal_p95_ms"),
    ],
)
def test_each_promise_can_break(measured: dict[str, Any], promise: str) -> None:
    assert broken(report(**measured)) == [promise]


@pytest.mark.parametrize("shares", [(5, 5), (40, 39), (30, 10)])
def test_of_too_few_utterances_no_share_is_judged(shares: tuple[int, int]) -> None:
    found = report(shares=shares)
    assert found.figures["4_workers"].unevenness is None
    assert broken(found) == ["busiest_worker_over_mean"]


def test_an_overload_that_refuses_nobody_was_none() -> None:
    assert broken(report(refused_ms=())) == ["refusal_p95_ms"]


def test_figures_are_those_of_the_utterances() -> None:
    figures = PoolFigures.of("x", 2, outcome(40.0, shares=(60, 20), refused_ms=(7.0,)))
    assert (figures.utterances, figures.refused) == (80, 1)
    assert figures.share == {"tts-1": 0.75, "tts-2": 0.25}
    assert figures.unevenness == 1.5
    assert (figures.p50_ms, figures.p95_ms) == (45.0, 45.0)


def test_percentiles_of_few_values() -> None:
    assert percentile([3.0], 99) == 3.0
    assert percentile([], 50) is None
    assert percentile([1.0, 2.0, 3.0], 50) == 2.0


def test_a_promise_is_kept_at_its_limit() -> None:
    assert Promise("x", 1.3, 1.3).kept
    assert not Promise("x", 1.3, 1.31).kept


@pytest.mark.servers
@pytest.mark.realtime
@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two cores")
def test_a_small_run_prints_one_document_and_every_field_of_it_is_documented() -> None:
    program = "from cli.bench import main; import sys; sys.exit(main(sys.argv[1:]))"
    finished = subprocess.run(
        [sys.executable, "-c", program, "pool", "--json", "--seconds", "1", "--at-least", "8"],
        cwd=paths.repository(),
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert finished.returncode in (0, 1), finished.stderr
    document = json.loads(finished.stdout)
    results = {result["name"]: result for result in document["results"]}
    assert results["4_workers"]["utterances"] >= 32
    assert set(results["4_workers"]["share"]) == {"tts-1", "tts-2", "tts-3", "tts-4"}
    assert results["overload"]["refused"] > 0
    assert results["capacity"]["refused"] < results["overload"]["refused"]
    documented = (Path(paths.repository()) / "docs" / "bench.md").read_text("utf-8")
    names = set(re.findall(r"`(?:results\[\]|promises\[\])?\.?(\w+)(?:\[\])?`", documented))
    for part in (document, *document["results"], *document["promises"]):
        assert set(part) <= names, set(part) - names

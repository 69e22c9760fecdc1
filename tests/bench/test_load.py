"""The load report: what it promises, and a page that stands alone."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from random import Random

import numpy as np
import pytest

from bench.load_caller import LoadFindings, LoadTurn, judged_turn, turns_of
from bench.load_figures import promises_of_turns, waits_ms
from bench.load_page import page
from bench.load_parts import PartSample, PartUse
from bench.machine import Machine
from caller.call_recording import SAMPLE_RATE_HZ, CallRecording
from caller.floor_log import FloorLog
from cli import load
from cli.load import LoadResult, promises_of
from parley import paths
from parley.room_events import FloorEvent


def turn(
    response: float | None = 700.0, *, waited: float = 9000.0, gaps: tuple[float, ...] = ()
) -> LoadTurn:
    return LoadTurn(caller=1, at_s=3.0, response_ms=response, waited_ms=waited, gaps_ms=gaps)


def found(*turns: LoadTurn, underruns: float | None = 0.0, refusals: int = 0) -> LoadResult:
    findings = LoadFindings(turns=list(turns), calls=2, refusals=["no room"] * refusals)
    part = PartUse("agent", os.getpid(), [PartSample(0, 0, 80, 1), PartSample(2, 12.5, 120, 2)])
    return LoadResult(findings, [part], [1.0, 2.0], underruns=underruns, text_waits=0.0)


def broken(of: LoadResult) -> set[str]:
    return {promise.name for promise in promises_of(of) if not promise.kept}


def test_underruns_refusals_and_silence_break_the_promises() -> None:
    assert broken(found(turn())) == set()
    assert broken(found(turn(gaps=(60.0,)))) == {"gaps_heard_inside_replies"}
    assert broken(found(turn(), underruns=1)) == {"underruns"}
    assert broken(found(turn(), underruns=None)) == {"underruns"}, "not measured is not kept"
    assert broken(found(turn(), refusals=1)) == {"calls_refused_or_lost"}
    assert broken(found(turn(), turn(None, waited=300.0))) == {"share_of_turns_answered"}


def full_house(*told_ms: float, others: int = 0, beyond_room: bool = True) -> LoadResult:
    of = found(turn(), refusals=len(told_ms) + others)
    of.findings.told_full_ms.extend(told_ms)
    return replace(of, beyond_room=beyond_room)


def test_who_finds_no_room_is_told_within_a_second() -> None:
    assert broken(full_house(20.0, 900.0)) == set()
    assert broken(full_house(20.0, 1100.0)) == {"told_that_it_is_full_ms"}
    assert broken(full_house()) == {"told_that_it_is_full_ms"}, "there was room for all"
    assert broken(full_house(20.0, others=1)) == {"calls_refused_or_lost"}
    assert broken(full_house(20.0, beyond_room=False)) == {"calls_refused_or_lost"}


def test_a_turn_without_an_answer_counts_as_the_longest_wait_in_every_percentile() -> None:
    turns = [turn(800.0), turn(900.0), turn(None, waited=400.0), turn(None, waited=2500.0)]
    assert sorted(waits_ms(turns)) == [800, 900, 2500, 2500]
    assert sorted(waits_ms([turn(800.0), turn(None, waited=400.0)])) == [800, 800]
    assert waits_ms([turn(800.0)], at_arrival=True) == [], "nobody read the jitter buffer"


def load_with(response_s: Callable[[], float], *, turns: int = 4000) -> list[LoadTurn]:
    """An agent that takes so long, under the load's own times: a Poisson process of 20 s between
    the beginnings of clips of 2 to 6 s."""
    random, spoken, due_s = Random(5), list[tuple[float, float]](), 0.0
    for _ in range(turns):
        onset_s = max(due_s, spoken[-1][1] if spoken else 0.0)
        spoken.append((onset_s, onset_s + random.uniform(2, 6)))
        due_s += random.expovariate(1 / 20)
    said, found = turns_of(spoken), []
    for (_, end_s), (again_s, _) in pairwise(said):
        room_ms, response_ms = 1000 * (again_s - end_s), 1000 * response_s()
        answered = response_ms if response_ms < room_ms else None
        found.append(turn(answered, waited=room_ms))
    return found


@pytest.mark.parametrize("slow_s", [4.8, 5.9, 9.0])
def test_an_agent_that_is_too_slow_for_its_callers_keeps_no_promise(slow_s: float) -> None:
    slow = load_with(lambda: slow_s)
    (answered,) = [p for p in promises_of_turns(slow) if p.name == "share_of_turns_answered"]
    assert not answered.kept
    assert answered.measured == pytest.approx(np.exp(-slow_s / 20), abs=0.03)
    assert min(np.percentile(waits_ms(slow), [5, 50, 90, 99])) >= 1000 * slow_s - 1e-6
    quick = load_with(lambda: 0.9)
    assert all(promise.kept for promise in promises_of_turns(quick))


@pytest.mark.parametrize(("median_s", "spread"), [(4.5, 0.8), (2.0, 1.2), (8.0, 0.4), (0.9, 0.3)])
def test_no_percentile_is_better_than_that_of_all_answers(median_s: float, spread: float) -> None:
    """Slow answers are the ones that callers do not wait for."""
    random, true_ms = Random(7), list[float]()

    def response_s() -> float:
        true_ms.append(1000 * random.lognormvariate(np.log(median_s), spread))
        return true_ms[-1] / 1000

    measured = waits_ms(load_with(response_s))
    for percent in (50, 90, 95, 99):
        assert np.percentile(measured, percent) >= np.percentile(true_ms, percent)


def test_sentences_without_a_pause_between_them_are_one_turn() -> None:
    assert turns_of([(1.0, 3.0), (3.05, 5.0), (6.0, 8.0)]) == [(1.0, 5.0), (6.0, 8.0)]


def test_the_page_needs_nothing_else_and_says_what_the_document_says() -> None:
    of = found(turn(612.5), turn(None), underruns=3)
    options = load.make_parser().parse_args(["--callers", "2", "--minutes", "1"])
    document = load._document(of, promises_of(of), options)
    shown = page(document, of.findings.turns, of.parts)
    assert shown.startswith("<!doctype html>")
    assert shown.count("<svg") == 1
    assert not re.search(r'(src|href)="(?!#)', shown), "no picture, script or style from elsewhere"
    assert "9000" in shown, "the turn that was never answered counts"
    assert "<td class=broken>broken</td>" in shown
    assert document["machine"] == vars(Machine.this())


def test_a_response_is_the_first_sound_of_the_reply_that_began_after_the_speech() -> None:
    heard = np.zeros(10 * SAMPLE_RATE_HZ, dtype=np.int16)
    for start_s, end_s in ((0.0, 2.05), (3.06, 4.0)):  # an old reply, and the answer
        heard[round(start_s * SAMPLE_RATE_HZ) : round(end_s * SAMPLE_RATE_HZ)] = 5000
    recording = CallRecording(np.zeros_like(heard), heard, 0.0, 100.0)
    floors = tuple(
        FloorEvent(floor=name, at_s=100.0 + at_s)  # type: ignore[arg-type]
        for at_s, name in ((0.0, "speaking"), (2.0, "quiet"), (3.0, "speaking"))
    )

    def judged(*floors: FloorEvent) -> LoadTurn:
        log = FloorLog(floors)
        return judged_turn(recording, log, onset_s=1.0, end_s=2.0, until=len(heard))

    assert judged(*floors).response_ms == pytest.approx(1060, abs=1)
    missed = judged(*floors[:2])
    assert missed.response_ms is None
    assert missed.waited_ms == pytest.approx(8000, abs=1)


def test_a_process_tree_is_counted_with_its_children() -> None:
    use = PartUse("us", os.getpid())
    use.sample(0.0, 0.01)
    sum(n * n for n in range(200_000))
    use.sample(1.0, 0.05)
    assert use.memory_mb > 10
    assert use.cpu_percent > 0


@pytest.mark.parametrize(
    "arguments",
    [["--callers", "0"], ["--minutes", "0"], ["--minutes", "soon"], ["--callers", "-1"]],
)
def test_a_load_that_makes_no_sense_is_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        load.main(arguments)
    assert ended.value.code == 2


def test_ctrl_c_ends_a_load_and_reports_what_there_is(tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    with socket.create_server(("127.0.0.1", 0)) as never_answers:
        gateway = f"http://127.0.0.1:{never_answers.getsockname()[1]}"
        command = ["--callers", "2", "--minutes", "5", "--gateway", gateway, "--json"]
        with subprocess.Popen(
            [sys.executable, "-m", "cli.main", "load", *command, "--report", str(report)],
            cwd=paths.repository(),
            env=os.environ | {"PARLEY_STATE_DIR": str(tmp_path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as running:
            for _ in range(2):  # whether anybody is there; then the first caller has begun
                never_answers.accept()[0].close()
            running.send_signal(signal.SIGINT)
            out, err = running.communicate(timeout=60)
    assert running.returncode == 130, err
    document = json.loads(out)
    assert document["interrupted"] is True
    assert document["turns"] == 0
    assert report.is_file()


def test_a_folder_without_clips_is_bad_input(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert load.main(["--clips", str(tmp_path)]) == 2
    assert "--clips" in capsys.readouterr().err

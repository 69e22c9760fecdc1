"""The chaos suite as CI runs it: its short form, on real parts, and what it does with bad input."""

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from bench.chaos.cases import CASES
from bench.chaos.script import LONG, SHORT, ChaosScript
from cli.chaos import main
from parley import paths

NAMES = re.compile(r"`(?:trials\[\]|promises\[\])?\.?(\w+)(?:\[\])?`")


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "cli.main", "chaos", *arguments]


@pytest.mark.servers
@pytest.mark.e2e
@pytest.mark.timeout(600)
def test_a_worker_lost_in_the_middle_of_a_reply_loses_no_word() -> None:
    """A word that recognition mishears in one trial passes for lost: such a case is tried again,
    and what the loss of a part loses, it loses every time."""
    cases = ["kill", "freeze"] + ["redis-restart"] * bool(shutil.which("redis-server"))
    document = trials_of(cases)
    broken = [promise["name"] for promise in document["promises"] if not promise["kept"]]
    if broken:
        again = trials_of(broken)
        assert all(promise["kept"] for promise in again["promises"]), (document, again)
    documented = NAMES.findall((paths.repository() / "docs" / "chaos.md").read_text("utf-8"))
    for part in (document, *document["trials"], *document["promises"]):
        assert set(part) <= set(documented), set(part) - set(documented)


def trials_of(cases: list[str]) -> dict[str, Any]:
    """The document of the short suite with these cases."""
    finished = subprocess.run(
        command("--short", "--json", *cases),
        cwd=paths.repository(),
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert finished.stdout, finished.stderr
    document: dict[str, Any] = json.loads(finished.stdout)
    assert document["error"] is None
    assert [promise["name"] for promise in document["promises"]] == cases
    for trial in document["trials"]:
        assert trial["problem"] is None, trial
        assert len(trial["lost"]) <= 1, trial  # more than one word is no slip of recognition
        assert trial["repeated"] <= 1, trial
        assert trial["hit_at_s"] > 0
    assert finished.returncode == (not all(p["kept"] for p in document["promises"]))
    return document


@pytest.mark.servers
@pytest.mark.realtime
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopping_it_leaves_no_process_behind(number: signal.Signals) -> None:
    suite = subprocess.Popen(
        command("--short", "kill"), cwd=paths.repository(), stderr=subprocess.PIPE, text=True
    )
    process = psutil.Process(suite.pid)
    deadline = time.monotonic() + 60
    while len(started := process.children(recursive=True)) < 4 and time.monotonic() < deadline:
        time.sleep(0.1)  # another program's progress
    suite.send_signal(number)
    suite.communicate(timeout=60)
    assert suite.returncode == 130
    gone, alive = psutil.wait_procs(started, timeout=10)
    assert alive == []
    assert len(gone) >= 4


def test_an_unknown_case_is_one_sentence_that_names_those_there_are(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["explode"]) == 2
    complaint = capsys.readouterr().err
    assert "'explode'" in complaint
    assert all(name in complaint for name in CASES)


def test_a_folder_that_cannot_be_made_is_one_sentence(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    assert main(["--keep", str(tmp_path / "file" / "folder"), "kill"]) == 2
    assert "--keep" in capsys.readouterr().err


def test_hits_come_when_a_sentence_has_just_been_written() -> None:
    assert ChaosScript.of(LONG, sentences=(0, 1)).hits == (0, 15)
    words = LONG.split()
    assert words[14].endswith(".")
    assert len(words) >= 60
    assert len(SHORT.split()) < len(words)

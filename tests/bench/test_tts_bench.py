"""The TTS benchmark: ratios of pairs, its document as documented, a promise that can break."""

import json
import re
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from bench import tts
from bench.machine import ForeignLoad
from cli import bench as cli
from parley import paths


def _run(first_audio_ms: float, cpu_ms: float = 500.0) -> dict[str, Any]:
    return {
        "first_audio_ms": first_audio_ms,
        "total_ms": 600.0,
        "cpu_ms": cpu_ms,
        "audio_s": 5.0,
        "late_chunks": 1,
    }


def _pair(words: int, staged_ms: float, full_ms: float, streams: int = 1) -> dict[str, Any]:
    return {
        "sentence": "middle",
        "words": words,
        "streams": streams,
        "staged": _run(staged_ms, 600.0),
        "full": _run(full_ms),
    }


def test_ratios_are_taken_within_pairs_so_that_a_busy_moment_falls_on_both() -> None:
    quiet, busy = _pair(20, 80, 400), _pair(20, 800, 4000)
    result = tts.Result.of([quiet, busy, quiet])
    assert asdict(result.sooner) == {"median": 5.0, "low": 5.0, "high": 5.0}
    assert result.cpu.median == 1.2
    assert result.staged.first_audio_ms == 80
    assert result.staged.late_chunks == 3


@pytest.mark.parametrize(("staged_ms", "status"), [(100.0, 0), (100.3, 1)])
def test_status_says_whether_the_promise_is_kept(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    staged_ms: float,
    status: int,
) -> None:
    pairs = [_pair(20, staged_ms, 400), _pair(20, 1, 400, streams=2), _pair(8, 100, 200)]
    results = [tts.Result.of([pair, pair]) for pair in pairs]
    monkeypatch.setattr(tts.models, "ensure", lambda name: tmp_path)
    monkeypatch.setattr(tts, "_measure", lambda voice, pairs: results)
    plot = tmp_path / "deep" / "plot.png"
    assert tts.main(["--json", "--plot", str(plot)]) == status
    document = json.loads(capsys.readouterr().out)
    assert document["promises"][0]["kept"] is (status == 0)
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert tts.main(["--plot", str(plot)]) == status
    assert ("kept" if status == 0 else "broken") in capsys.readouterr().out


@pytest.mark.servers
@pytest.mark.realtime
@pytest.mark.timeout(900)
def test_real_run_prints_one_document_and_every_field_of_it_is_documented(tmp_path: Path) -> None:
    program = "from cli.bench import main; import sys; sys.exit(main(sys.argv[1:]))"
    options = ["tts", "--json", "--pairs", "2", "--plot", str(tmp_path / "plot.png")]
    finished = subprocess.run(
        [sys.executable, "-c", program, *options],
        cwd=paths.repository(),
        capture_output=True,
        text=True,
        timeout=850,
        check=False,
    )
    document = json.loads(finished.stdout)
    assert finished.returncode in (0, 1), finished.stderr
    measured = {(result["words"], result["streams"]) for result in document["results"]}
    assert measured == {(words, streams) for words in (8, 20, 40) for streams in (1, 2)}
    documented = (paths.repository() / "docs" / "bench.md").read_text("utf-8")
    names = set(re.findall(r"`(?:results\[\]|promises\[\])?\.?(\w+)(?:\[\])?`", documented))
    for part in (document, *document["results"], document["results"][0]["staged"]):
        assert set(part) <= names, set(part) - names


def test_foreign_load_is_a_share_of_the_machine() -> None:
    with ForeignLoad() as foreign:
        sum(range(10**6))
    assert 0 <= foreign.percent <= 100


def test_unknown_benchmark_is_one_sentence_and_no_name_lists_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["tss"]) == 2
    assert "did you mean tts?" in capsys.readouterr().err
    assert cli.main([]) == 0
    assert "tts" in capsys.readouterr().out

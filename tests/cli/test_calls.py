"""`./run calls`."""

import json
from pathlib import Path

import pytest

from cli import calls
from testkit.isolated_config import write_config
from testkit.made_record import CUT_HEARD, make_record


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The id of the one that there is."""
    configs = write_config(tmp_path / "configs")
    monkeypatch.setenv("PARLEY_CONFIG_DIR", str(configs))
    monkeypatch.setenv("PARLEY_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("COLUMNS", "140")
    return make_record(tmp_path / "state" / "calls")


def test_the_list_has_a_line_for_each_call(record: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert calls.main([]) == 0
    line = capsys.readouterr().out.splitlines()[1]
    assert line.split()[3:] == ["0:34", "5", "1", "1", "1300", "ms", "Ann", record]
    assert calls.main(["--json"]) == 0
    (call,) = json.loads(capsys.readouterr().out)
    assert (call["id"], call["turns"], call["errors"]) == (record, 5, 1)


def test_a_call_is_shown_turn_by_turn_with_its_stages(
    record: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert calls.main([record]) == 0
    shown = capsys.readouterr().out
    assert "Where is my order, number forty-two?" in shown
    assert CUT_HEARD in shown
    assert "order_status: done in 1.72 s" in shown
    assert "response 1300 ms  (650 ms over)" in shown
    assert calls.main([record, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["turns"][2]["interrupted"]


def test_the_link_has_the_key_where_no_server_logs_it(
    record: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert calls.main([record, "--link"]) == 0
    address, _, key = capsys.readouterr().out.strip().partition("#key=")
    assert address.endswith(f"/calls/{record}")
    assert len(key) == 40


@pytest.mark.parametrize("by", [["--person", "Ann"], ["--session", "s-made"], ["--delete"]])
def test_what_is_deleted_is_gone(
    record: str, by: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [*by, record] if by == ["--delete"] else by
    assert calls.main(arguments) == 0
    assert calls.main(arguments) == 1
    capsys.readouterr()
    assert calls.main(["--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert calls.main([record]) == 1

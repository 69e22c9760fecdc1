"""`./run keys`: a key is shown once, listed without what opens anything, and revoked."""

import json
from pathlib import Path

import pytest

from cli import keys


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_STATE_DIR", str(tmp_path / "state"))


def listed(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    capsys.readouterr()
    assert keys.main(["list", "--json"]) == 0
    found: list[dict[str, object]] = json.loads(capsys.readouterr().out)
    return found


def test_a_key_is_made_listed_and_revoked(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert keys.main(["list"]) == 0
    assert "There are no keys" in capsys.readouterr().out
    options = ["--scope", "operate", "--scope", "approve", "--per-minute", "5", "--days", "90"]
    assert keys.main(["create", "the page", *options]) == 0
    text = capsys.readouterr().out.strip()
    (key,) = listed(capsys)
    assert text.startswith(f"parley_{key['id']}_")
    assert (key["name"], key["state"], key["per_minute"]) == ("the page", "valid", 5)
    assert key["scopes"] == ["operate", "approve"] and key["expires_at"]
    assert text.split("_", 2)[2] not in json.dumps(key)
    assert keys.main(["revoke", str(key["id"])]) == 0
    assert listed(capsys)[0]["state"] == "revoked"
    assert keys.main(["revoke", str(key["id"])]) == 1
    assert "no key" in capsys.readouterr().err
    assert {file.name for file in (tmp_path / "state").iterdir()} >= {"keys.db", "keys.secret"}
    assert all(f.stat().st_mode & 0o077 == 0 for f in (tmp_path / "state").iterdir())


def test_without_options_a_key_is_for_everything_and_for_ever(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert keys.main(["create", "all", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["key"].startswith("parley_")
    assert made["scopes"] == ["converse", "operate", "experiment", "approve"]
    assert made["expires_at"] is None
    assert keys.main(["list"]) == 0
    assert "expires never" in capsys.readouterr().out


def test_the_orchestrators_settings_say_where_keys_are(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(f"security:\n  url: sqlite:///{tmp_path}/elsewhere.db\n")
    assert keys.main(["create", "x", "--config", str(file)]) == 0
    assert (tmp_path / "elsewhere.db").exists()
    assert listed(capsys) == [], "those of the default settings are others"
    assert keys.main(["--config", str(file), "list"]) == 0
    assert "valid" in capsys.readouterr().out


@pytest.mark.parametrize("wrong", [["create"], ["create", "x", "--scope", "all"], ["nonsense"]])
def test_what_is_no_command_is_said(wrong: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        keys.main(wrong)
    assert ended.value.code == 2

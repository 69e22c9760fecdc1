"""Records are looked after beyond their calls."""

import fcntl
import time
from pathlib import Path

import pytest
from pydantic import SecretStr

from agent.record.keeper import RecordKeeper
from parley.records.lines import LINES_FILE, CallBegan, CallObjectives
from parley.records.store import new_id, open_records, read_call
from parley.settings.record import RecordSection
from testkit.s3_server import KEY_ID, SECRET, S3Server, s3_serving

OBJECTIVES = CallObjectives(response_ms=650, first_audio_ms=500, onset_to_silence_ms=300)


def begun(folder: Path, at_s: float) -> Path:
    """A record whose process has died."""
    record_id = new_id(at_s)
    file = folder / record_id / LINES_FILE
    file.parent.mkdir(parents=True)
    began = CallBegan(at_s=at_s, id=record_id, session="s", objectives=OBJECTIVES)
    file.write_text(began.model_dump_json() + '\n{"kind": "floor", "at')
    return file


def test_the_record_of_a_dead_process_is_ended_and_one_that_goes_on_is_not(tmp_path: Path) -> None:
    settings = RecordSection(enabled=True, place=str(tmp_path))
    dead, alive = begun(tmp_path, time.time()), begun(tmp_path, time.time())
    with alive.open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        RecordKeeper(settings).look()
    store = open_records(settings)
    assert read_call(store, dead.parent.name).state == "lost"
    assert read_call(store, alive.parent.name).state == "going"


def test_old_records_go_but_none_that_is_being_written(tmp_path: Path) -> None:
    settings = RecordSection(enabled=True, place=str(tmp_path), keep_days=3)
    old, new = (begun(tmp_path, time.time() - days * 86_400) for days in (5, 1))
    written = begun(tmp_path, time.time() - 5 * 86_400)
    with written.open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        RecordKeeper(settings).look()
    assert not old.exists()
    assert new.exists()
    assert written.exists()


def test_what_a_bucket_did_not_take_is_sent_when_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("obstore")
    monkeypatch.setenv("PARLEY_STATE_DIR", str(tmp_path))
    server = S3Server()
    with s3_serving(server) as endpoint:
        settings = RecordSection(
            place="s3://recordings",
            s3_endpoint=endpoint,
            s3_key_id=KEY_ID,
            s3_secret=SecretStr(SECRET),
        )
        file = begun(tmp_path / "calls", time.time())
        keeper = RecordKeeper(settings)
        server.objects.clear()
        server.is_denying = True
        keeper.look()
        assert file.exists()
        server.is_denying = False
        keeper.look()
        assert not file.parent.exists()
        assert read_call(open_records(settings), file.parent.name).state == "lost"

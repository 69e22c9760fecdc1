"""Backup, destroy, restore: everything is as it was."""

import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import redis
import yaml

from cli import backup, restore
from dialogue.sessions.opening import open_store
from dialogue.sessions.sql import SqlStore
from dialogue.sessions.store import SessionRecord, SessionStore
from ops.backup import archive
from ops.backup.part import BackupError
from ops.backup.production import CHATS, VOLUMES
from ops.backup.redis_keys import RedisKeys
from ops.backup.sql import PostgresDatabase
from ops.supervisor.processes import ProcessIdentity
from ops.supervisor.record import RecordFile, StackRecord
from parley import paths
from parley.app.session import PersonSaid
from parley.settings import load_orchestrator

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
RECORD = SessionRecord(id="s-1", channel="voice", user="ada", began_at_s=1000.0)
SAID = PersonSaid(at_s=1001.0, turn_id="t-1", text="what was said")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine's folders: configuration, state, records, cache."""
    for what, name in (("CONFIG", "configs"), ("CACHE", "cache"), ("STATE", "state")):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(f"PARLEY_{what}_DIR", str(tmp_path / name))
    text = f"record: {{place: {tmp_path / 'records'}}}\nagent: {{greeting: 'Good day.'}}\n"
    (tmp_path / "configs" / "orchestrator.yaml").write_text(text)
    (tmp_path / "configs" / "my_agent.py").write_text("agent = None\n")
    (tmp_path / "state" / "keys.env").write_text("LIVEKIT_API_KEY=k\n")
    (tmp_path / "state" / "logs").mkdir()
    (tmp_path / "state" / "logs" / "agent.log").write_text("long\n")
    (tmp_path / "records" / "c-1").mkdir(parents=True)
    (tmp_path / "records" / "c-1" / "call.jsonl").write_text('{"what": "it was"}\n')
    voice = tmp_path / "cache" / "models" / "my-own-voice"
    voice.mkdir(parents=True)
    (voice / "voice.onnx").write_bytes(os.urandom(5000))
    return tmp_path


async def _remember(store: SessionStore) -> None:
    await store.create(RECORD)
    await store.append(RECORD.id, [SAID])
    await store.aclose()


async def _is_remembered(store: SessionStore) -> bool:
    kept = await store.load(RECORD.id)
    await store.aclose()
    return kept is not None and kept.record == RECORD and list(kept.entries) == [SAID]


def _files(home: Path) -> dict[str, bytes]:
    names = ("configs", "records", "cache/models", "state/keys.env")
    roots = [home / name for name in names]
    found = [path for root in roots for path in ([root] if root.is_file() else root.rglob("*"))]
    return {str(path.relative_to(home)): path.read_bytes() for path in found if path.is_file()}


def _made(home: Path, *more: str) -> Path:
    assert backup.main(["--to", str(home / "backups"), "--models", *more]) == 0
    (file,) = (home / "backups").glob("*.tar.gz")
    return file


async def test_backup_destroy_restore_gives_the_same_machine(home: Path) -> None:
    await _remember(open_store(load_orchestrator().sessions))
    before = _files(home)
    file = _made(home)
    assert file.stat().st_mode & 0o077 == 0, "it has keys"
    for name in ("configs", "records", "cache", "state"):
        shutil.rmtree(home / name)
    assert restore.main([str(file)]) == 0
    assert _files(home) == before
    assert (home / "state" / "keys.env").exists() and not (home / "state" / "logs").exists()
    assert await _is_remembered(open_store(load_orchestrator().sessions))


async def test_what_came_after_the_backup_is_gone_again(home: Path) -> None:
    file = _made(home)
    await _remember(open_store(load_orchestrator().sessions))
    (home / "records" / "c-2").mkdir()
    (home / "configs" / "orchestrator.yaml").write_text("agent: {greeting: 'Later.'}\n")
    assert restore.main([str(file)]) == 0
    assert not (home / "records" / "c-2").exists()
    assert load_orchestrator().agent.greeting == "Good day."
    assert not await _is_remembered(open_store(load_orchestrator().sessions))
    assert (home / "state" / "logs" / "agent.log").exists(), "no part of a backup, so left alone"


@pytest.mark.servers
async def test_sessions_in_redis_come_back_and_what_others_keep_there_stays(
    home: Path, monkeypatch: pytest.MonkeyPatch, redis_url: str
) -> None:
    (home / "configs" / "orchestrator.yaml").write_text("sessions: {store: redis}\n")
    monkeypatch.setenv("SESSIONS_URL", redis_url)
    await _remember(open_store(load_orchestrator().sessions))
    client = redis.Redis.from_url(redis_url)
    kept_for_s = client.ttl("parley:session:s-1")
    client.set("parley:worker:w-1", "a lease", px=60_000)
    client.set("room:of-livekit", "theirs")
    file = _made(home)
    client.flushdb()
    client.set("parley:session:later", "gone again")
    client.set("room:of-livekit", "theirs, newer")
    assert restore.main([str(file)]) == 0
    assert await _is_remembered(open_store(load_orchestrator().sessions))
    assert kept_for_s - 60 <= client.ttl("parley:session:s-1") <= kept_for_s
    assert client.get("room:of-livekit") == b"theirs, newer"
    assert not client.exists("parley:session:later", "parley:worker:w-1")


@pytest.mark.servers
def test_a_key_that_expired_meanwhile_does_not_come_back(tmp_path: Path, redis_url: str) -> None:
    client = redis.Redis.from_url(redis_url)
    client.set("parley:session:old", "x", px=3_600_000)
    at_s = int(client.pexpiretime("parley:session:old")) / 1000
    RedisKeys("redis", redis_url).save(tmp_path)
    client.flushdb()
    later = RedisKeys("redis", redis_url, clock=lambda: at_s + 1)
    assert later.restore(tmp_path) == "0 keys; 1 have expired meanwhile"
    assert client.dbsize() == 0


@pytest.mark.servers
@pytest.mark.skipif(shutil.which("pg_dump") is None, reason="needs pg_dump (postgresql-client)")
async def test_sessions_in_postgresql_come_back(tmp_path: Path, postgres_url: str) -> None:
    database = PostgresDatabase("postgresql", postgres_url)
    await _remember(SqlStore(postgres_url))
    database.save(tmp_path)
    store = SqlStore(postgres_url)
    await store.delete(RECORD.id)
    await store.aclose()
    database.restore(tmp_path)
    assert await _is_remembered(SqlStore(postgres_url))


def test_every_volume_of_production_is_in_its_backup() -> None:
    """What is made anew is left out: models on request, and Redis, which is taken by its keys."""
    file = paths.repository() / "docker-compose.prod.yml"
    volumes = set(yaml.safe_load(file.read_text("utf-8"))["volumes"])
    assert volumes - {*VOLUMES.values(), CHATS} == {"redis", "models", "caddy-config"}
    assert set(VOLUMES.values()) <= volumes


def test_a_password_is_in_no_message(tmp_path: Path) -> None:
    nobody = "redis://:hunter2@127.0.0.1:1/0"
    with pytest.raises(BackupError, match="cannot be reached") as raised:
        RedisKeys("redis", nobody).save(tmp_path)
    assert "hunter2" not in str(raised.value) + repr(RedisKeys("redis", nobody))


def test_a_damaged_backup_changes_nothing(home: Path) -> None:
    file = _made(home)
    whole = file.read_bytes()
    before = _files(home)
    half = len(whole) // 2
    flipped = bytes(byte ^ 0xFF for byte in whole[half : half + 500])
    for damaged in (whole[:half], whole[:half] + flipped + whole[half + 500 :], b"no archive"):
        file.write_bytes(damaged)
        with pytest.raises(BackupError, match="is damaged"):
            restore.main([str(file)])
    assert _files(home) == before


def test_nothing_is_put_back_under_a_running_parley(home: Path) -> None:
    file = _made(home)
    itself = ProcessIdentity.of(os.getpid())
    RecordFile(home / "state").write(StackRecord(supervisor=itself, page_url="http://127.0.0.1"))
    with pytest.raises(BackupError, match="Parley runs"):
        restore.main([str(file)])
    assert restore.main([str(file), "--check"]) == 0


def test_backups_of_seven_days_are_kept_and_always_the_newest(tmp_path: Path) -> None:
    def at(days: float) -> Path:
        file, _ = archive.save([], tmp_path, kind="machine", now=NOW - timedelta(days=days))
        return file

    old, older, recent = at(7.5), at(30), at(6.5)
    assert archive.outdated(tmp_path, kind="machine", keep_days=7, now=NOW) == [older, old]
    recent.unlink()
    assert archive.outdated(tmp_path, kind="machine", keep_days=7, now=NOW) == [older]
    assert archive.outdated(tmp_path, kind="machine", keep_days=0, now=NOW) == []


def test_a_backup_that_breaks_off_leaves_no_file(home: Path) -> None:
    class Broken:
        name = "broken"

        def save(self, folder: Path) -> str:
            raise BackupError("the disk went away")

        def restore(self, folder: Path) -> str:
            raise NotImplementedError

    with pytest.raises(BackupError):
        archive.save([Broken()], home / "backups", kind="machine", now=NOW)
    assert list((home / "backups").iterdir()) == []

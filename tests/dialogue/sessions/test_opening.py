"""The settings choose the store, and how long sessions are kept."""

import logging
from pathlib import Path

import pytest
from pydantic import SecretStr

from dialogue.approvals.memory import MemoryApprovals
from dialogue.retention import purges_of
from dialogue.sessions.memory import MemoryStore
from dialogue.sessions.opening import open_store
from dialogue.sessions.redis import RedisStore
from dialogue.sessions.sql import SqlStore
from parley.errors import ConfigurationError, ParleyError
from parley.retention import DAY_S, forget_old
from parley.settings.orchestrator import SessionsSection, load_orchestrator
from tests.dialogue.sessions.backends import InRedis
from tests.dialogue.sessions.conftest import on
from tests.dialogue.sessions.spoken import batch, record


async def test_by_default_sessions_are_in_a_file_of_the_state_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "what? 100%20 #1"
    monkeypatch.setenv("PARLEY_STATE_DIR", str(state))
    store = open_store(SessionsSection())
    assert not state.exists()
    await store.create(record())
    await store.aclose()
    assert (state / "sessions.db").exists()


@pytest.mark.parametrize(
    ("store", "url", "kind"),
    [
        ("memory", "", MemoryStore),
        ("memory", "redis://ignored", MemoryStore),
        ("redis", "redis://127.0.0.1:1/0", RedisStore),
        ("sql", "postgresql://127.0.0.1:1/talk", SqlStore),
        ("sql", "postgres://127.0.0.1:1/talk?sslmode=require", SqlStore),
        ("sql", "sqlite:////nowhere/sessions.db", SqlStore),
    ],
)
async def test_the_settings_choose_the_store(store: str, url: str, kind: type) -> None:
    section = SessionsSection.model_validate({"store": store, "url": url})
    opened = open_store(section)
    assert type(opened) is kind
    await opened.aclose()


@pytest.mark.parametrize(
    ("store", "url", "said"),
    [
        ("redis", "", "is empty"),
        ("redis", "postgresql://u:hunter2@h/d", "is not redis://"),
        ("sql", "rediss://u:hunter2@h", "set sessions.store to redis"),
        ("sql", "hunter2", "is neither postgresql"),
    ],
)
def test_an_url_of_another_store_is_refused(store: str, url: str, said: str) -> None:
    section = SessionsSection.model_validate({"store": store, "url": url})
    with pytest.raises(ConfigurationError, match=said) as error:
        open_store(section)
    assert "hunter2" not in str(error.value)


def test_the_url_comes_from_the_environment_and_is_not_printed(tmp_path: Path) -> None:
    environ = {"SESSIONS_URL": "postgresql://u:hunter2@h/d"}
    settings = load_orchestrator(tmp_path / "none.yaml", environ=environ)
    assert settings.sessions.url.get_secret_value() == environ["SESSIONS_URL"]
    assert "hunter2" not in repr(settings)


async def test_sessions_older_than_keep_days_are_forgotten_at_the_start(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = MemoryStore()
    for session_id, age_days in (("old", 8), ("young", 6)):
        await store.create(record(session_id, began_at_s=(100 - age_days) * DAY_S))
    with caplog.at_level(logging.INFO):
        purges = purges_of(store, None)
        assert await forget_old(purges, 0, failure=ParleyError, clock=lambda: 1e12) == 0
        assert await forget_old(purges, 7, failure=ParleyError, clock=lambda: 100 * DAY_S) == 1
    assert caplog.messages == ["forgot 1 sessions of over 7 days ago"]
    assert await store.load("old") is None
    assert await store.load("young") is not None


async def test_a_store_that_is_away_does_not_keep_a_process_from_starting(
    caplog: pytest.LogCaptureFixture,
) -> None:
    store = RedisStore("redis://127.0.0.1:1/0")
    purges = purges_of(store, MemoryApprovals())
    assert await forget_old(purges, 30, failure=ParleyError) == 0
    assert "cannot be forgotten now" in caplog.text
    await store.aclose()


@on("redis")
@pytest.mark.parametrize(("keep_days", "expires_s"), [(0, -1), (2, 2 * DAY_S)])
async def test_a_redis_lets_sessions_go_by_itself(
    backend: InRedis, keep_days: int, expires_s: float
) -> None:
    section = SessionsSection(store="redis", url=SecretStr(backend.place), keep_days=keep_days)
    store = open_store(section)
    await store.create(record())
    await store.append("s1", batch("a"))
    assert await backend.expires_in_s("s1") == pytest.approx(expires_s, abs=60)
    await store.aclose()

"""Who holds a key may ask for what its scopes say, as often as it says, until it ends."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from gateway.keys.key import KeyScope, KeySecret
from gateway.keys.opening import key_secret
from gateway.keys.store import KeyStore, KeyStoreError
from gateway.keys.tickets import Tickets
from parley.errors import ConfigurationError
from parley.settings.security import SecuritySection
from tests.dialogue.breakers.conftest import PATIENT_S
from tests.gateway.keys.conftest import SECRET, GuardedApp, Made, guarded_app


def secret_of(text: str) -> str:
    """What of a key's text nobody else has."""
    return text.split("_", 2)[2]


def database(folder: Path) -> list[Path]:
    """Its files."""
    return list(folder.glob("keys.db*"))


async def test_without_a_key_nobody_comes_in(app: GuardedApp) -> None:
    for key in ("", "parley_000000000000_" + "x" * 43, "nonsense"):
        status, body, _ = await app.get("/who", key)
        assert (status, body["error"]["code"]) == (401, "key_required")  # type: ignore[index]


async def test_with_a_key_who_asks_is_known(app: GuardedApp) -> None:
    new = await app.new_key()
    assert await app.get("/who", new.text) == (200, {"id": new.key.id, "name": "a test"}, "")


async def test_a_key_whose_text_is_another_is_no_key(app: GuardedApp) -> None:
    new = await app.new_key()
    other = await app.new_key()
    mixed = f"parley_{new.key.id}_{secret_of(other.text)}"
    assert (await app.get("/who", mixed))[0] == 401


async def test_a_scope_that_a_key_lacks_is_refused(app: GuardedApp) -> None:
    new = await app.new_key(KeyScope.OPERATE)
    status, body, _ = await app.get("/who", new.text)
    assert (status, body["error"]["code"]) == (403, "scope_missing")  # type: ignore[index]
    assert (await app.get("/circuit-breakers", new.text))[0] == 200


async def test_an_expired_key_opens_nothing(app: GuardedApp) -> None:
    new = await app.new_key(keep_s=3600.0)
    assert (await app.get("/who", new.text))[0] == 200
    app.clock.now_s += 3600.0
    assert (await app.get("/who", new.text))[0] == 401


async def test_a_revoked_key_opens_nothing_from_that_moment(app: GuardedApp) -> None:
    new = await app.new_key()
    assert (await app.get("/who", new.text))[0] == 200
    assert await app.store.revoke(new.key.id, now_s=app.clock())
    assert (await app.get("/who", new.text))[0] == 401
    assert not await app.store.revoke(new.key.id, now_s=app.clock()), "it is revoked already"


async def test_beyond_its_limit_a_key_is_told_when_to_come_back(app: GuardedApp) -> None:
    few, many = await app.new_key(per_minute=2), await app.new_key()
    assert [(await app.get("/who", few.text))[0] for _ in range(3)] == [200, 200, 429]
    status, body, retry_after = await app.get("/who", few.text)
    assert (status, body["error"]["code"]) == (429, "rate_limited")  # type: ignore[index]
    assert 1 <= int(retry_after) <= 30
    assert (await app.get("/who", many.text))[0] == 200, "another key has its own"
    app.clock.now_s += int(retry_after)
    assert (await app.get("/who", few.text))[0] == 200


async def test_a_socket_without_a_key_is_closed_with_1008(app: GuardedApp) -> None:
    assert await app.socket() == (1008, "")
    assert await app.socket("?ticket=made.up.by.me") == (1008, "")


async def test_a_ticket_opens_one_socket_soon(app: GuardedApp) -> None:
    new = await app.new_key(KeyScope.CONVERSE)
    status, issued = await app.post("/tickets", new.text)
    assert status == 200 and issued["expires_in_s"] == 60
    assert secret_of(new.text) not in str(issued["ticket"])
    query = f"?ticket={issued['ticket']}"
    assert await app.socket(query) == (1000, f"hello {new.key.id}")
    assert await app.socket(query) == (1008, ""), "it was used"
    late = (await app.post("/tickets", new.text))[1]["ticket"]
    app.clock.now_s += 60.0
    assert await app.socket(f"?ticket={late}") == (1008, "")


@pytest.mark.servers
async def test_a_ticket_opens_one_socket_of_all_processes(redis_url: str) -> None:
    one, other = (
        Tickets(SECRET, ttl_s=3600, redis_url=redis_url, timeout_s=PATIENT_S) for _ in range(2)
    )
    for opening, late in ((one, other), (other, one)):
        ticket = one.issue("0123456789ab").text
        assert await opening.redeem(ticket) == "0123456789ab"
        assert await late.redeem(ticket) is None
    await asyncio.gather(one.aclose(), other.aclose())


async def test_a_ticket_that_was_changed_opens_nothing(app: GuardedApp) -> None:
    one, other = await app.new_key(), await app.new_key()
    ticket = str((await app.post("/tickets", one.text))[1]["ticket"])
    assert await app.socket(f"?ticket={ticket.replace(one.key.id, other.key.id)}") == (1008, "")


async def test_a_ticket_of_a_revoked_key_opens_nothing(app: GuardedApp) -> None:
    new = await app.new_key()
    ticket = (await app.post("/tickets", new.text))[1]["ticket"]
    await app.store.revoke(new.key.id, now_s=app.clock())
    assert await app.socket(f"?ticket={ticket}") == (1008, "")


async def test_a_ticket_is_for_sockets_alone(app: GuardedApp) -> None:
    new = await app.new_key()
    ticket = (await app.post("/tickets", new.text))[1]["ticket"]
    assert (await app.get(f"/who?ticket={ticket}"))[0] == 401
    assert (await app.post("/tickets"))[0] == 401


async def test_a_client_that_can_send_a_header_needs_no_ticket(app: GuardedApp) -> None:
    new = await app.new_key()
    assert await app.socket(key=new.text) == (1000, f"hello {new.key.id}")


async def test_the_description_of_the_api_says_where_a_key_is_needed(app: GuardedApp) -> None:
    _, described, _ = await app.get("/openapi.json")
    paths: Any = described["paths"]
    for path, method in (("/who", "get"), ("/circuit-breakers", "get"), ("/tickets", "post")):
        assert paths[path][method]["security"] == [{"APIKeyHeader": []}]


async def test_where_no_key_is_required_everybody_comes_in(tmp_path: Path) -> None:
    async with guarded_app(KeyStore(tmp_path / "keys.db"), Made(required=False)) as app:
        assert await app.get("/who") == (200, {"id": "", "name": ""}, "")
        assert await app.socket() == (1000, "hello ")
    assert not (tmp_path / "keys.db").exists()


async def test_what_is_kept_opens_nothing(app: GuardedApp, tmp_path: Path) -> None:
    new = await app.new_key()
    kept = b"".join(file.read_bytes() for file in database(tmp_path))
    assert new.key.id.encode() in kept
    assert secret_of(new.text).encode() not in kept
    assert not KeySecret("another secret").is_of(new.text, new.key)
    assert SECRET.is_of(new.text, new.key)


async def test_a_store_that_cannot_be_read_refuses_for_a_moment(
    app: GuardedApp, tmp_path: Path
) -> None:
    new = await app.new_key()
    for file in database(tmp_path):
        file.write_bytes(b"not a database" * 500)
    status, body, retry_after = await app.get("/who", new.text)
    assert (status, body["error"]["code"]) == (503, "keys_unavailable")  # type: ignore[index]
    assert retry_after == "1"


async def test_two_processes_see_each_others_keys(tmp_path: Path) -> None:
    one, other = KeyStore(tmp_path / "keys.db"), KeyStore(tmp_path / "keys.db")
    new = SECRET.create("x", (KeyScope.APPROVE,), per_minute=5, now_s=1.0, keep_s=None)
    await one.add(new.key)
    assert await other.find(new.key.id) == new.key
    assert await other.all() == [new.key]
    await asyncio.gather(one.aclose(), other.aclose())


def test_the_secret_is_made_once_and_private(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARLEY_STATE_DIR", str(tmp_path / "state"))
    new = key_secret(SecuritySection()).create(
        "x", (KeyScope.OPERATE,), per_minute=None, now_s=0.0, keep_s=None
    )
    assert key_secret(SecuritySection()).is_of(new.text, new.key)
    (file,) = (tmp_path / "state").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert re.fullmatch(r"[0-9a-f]{64}", file.read_text())


def test_keys_are_required_in_production_unless_somebody_says_otherwise() -> None:
    def required(value: object, environment: str) -> bool:
        section = SecuritySection.model_validate({"api_key_required": value})
        return section.keys_are_required(environment)

    assert required("auto", "production") and not required("auto", "development")
    for on in (True, "true", "on"):
        assert required(on, "development")
    for off in (False, "false", "off"):
        assert not required(off, "production")


def test_a_url_that_is_no_database_is_named_without_its_password() -> None:
    with pytest.raises(ConfigurationError, match=r"security\.url") as caught:
        KeyStore("mysql://u:hunter2@h/d")
    assert "hunter2" not in str(caught.value)
    assert issubclass(KeyStoreError, Exception)

"""The way in: valid, ending no call when it is read anew, and with no token in any log."""

import copy
import json
import os
import re
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.deploy.composed import ROOT, VALUES, variables
from tests.deploy.conftest import Tool, beside_python
from tests.deploy.running_caddy import NAME, RunningCaddy, Upstream, proxies

CADDYFILE, NGINX = ROOT / "Caddyfile", ROOT / "nginx.conf"
LAN = ROOT / "deploy" / "lan.Caddyfile"
TOKEN = "eyJhbGciOiJIUzI1NiJ9.secret.signature"
Start = Callable[[dict[str, Any]], Any]


def environment(**changes: str) -> dict[str, str]:
    wanted = {"PARLEY_DOMAIN": NAME, "ACME_EMAIL": "you@example.org", "CADDY_CERTIFICATES": ""}
    return {"PATH": os.environ["PATH"], "HOME": "/nonexistent"} | wanted | changes


@pytest.mark.parametrize(
    "changes",
    [{}, {"PARLEY_DOMAIN": "localhost"}, {"CADDY_CERTIFICATES": "local_certs"}],
    ids=["public", "localhost", "own certificates"],
)
def test_caddy_takes_it(caddy: Tool, tmp_path: Path, changes: dict[str, str]) -> None:
    env = environment(HOME=str(tmp_path), **changes)
    done = caddy("validate", "--config", CADDYFILE, "--adapter", "caddyfile", env=env)
    assert done.returncode == 0 and "Valid configuration" in done.stdout, done.stderr
    assert caddy("fmt", CADDYFILE, env=env).stdout == CADDYFILE.read_text("utf-8")


def test_caddy_would_not_take_a_mistake(caddy: Tool, tmp_path: Path) -> None:
    file = tmp_path / "Caddyfile"
    file.write_text(CADDYFILE.read_text("utf-8").replace("stream_close_delay", "stream_delay"))
    done = caddy("validate", "--config", file, "--adapter", "caddyfile", env=environment())
    assert done.returncode != 0


@pytest.mark.parametrize("certificate", ["internal", "cert.pem key.pem"])
def test_caddy_takes_the_file_for_a_network_of_ones_own(
    caddy: Tool, tmp_path: Path, certificate: str
) -> None:
    env = environment(HOME=str(tmp_path), PARLEY_LAN="192.168.1.7", PARLEY_TLS=certificate)
    done = caddy("adapt", "--config", LAN, env=env)
    assert done.returncode == 0, done.stderr
    assert caddy("fmt", LAN, env=env).stdout == LAN.read_text("utf-8")


def test_it_asks_for_what_compose_gives_it() -> None:
    asked = set(re.findall(r"\{\$([A-Z_]+)", CADDYFILE.read_text("utf-8")))
    assert asked == set(environment()) - {"PATH", "HOME"}
    assert asked <= set(VALUES) | variables(ROOT / "docker-compose.prod.yml")


@pytest.fixture
def adapted(caddy: Tool) -> dict[str, Any]:
    done = caddy("adapt", "--config", CADDYFILE, "--adapter", "caddyfile", env=environment())
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@asynccontextmanager
async def before_both(adapted: dict[str, Any], folder: Path) -> AsyncIterator[RunningCaddy]:
    program = beside_python("caddy")
    assert program is not None
    caddy = RunningCaddy(adapted, folder)
    async with AsyncExitStack() as running:
        await running.enter_async_context(Upstream("gateway", caddy.gateway).serving())
        await running.enter_async_context(Upstream("livekit", caddy.livekit).serving())
        await running.enter_async_context(Upstream("chat", caddy.chat).serving())
        yield await running.enter_async_context(caddy.running(program))


async def asked(caddy: RunningCaddy, url: str, **headers: str) -> dict[str, str]:
    async with caddy.client.get(url, headers=headers) as answer:
        found: dict[str, str] = await answer.json()
        return found


async def test_who_is_asked_for_what(adapted: dict[str, Any], tmp_path: Path) -> None:
    async with before_both(adapted, tmp_path) as caddy:
        for path in ("/", "/api/token", "/twirp/livekit.RoomService/ListRooms", "/rtcx"):
            assert (await asked(caddy, caddy.url + path))["server"] == "gateway", path
        for path in ("/ws/chat?user_id=ann", "/api/v1/sessions/s-1", "/tickets"):
            assert (await asked(caddy, caddy.url + path))["server"] == "chat", path
        assert (await asked(caddy, caddy.url + "/chat"))["server"] == "gateway", "its page"
        for path in ("/rtc/validate", "/rtc/v1"):
            assert (await asked(caddy, caddy.url + path))["server"] == "livekit", path
            assert (await asked(caddy, caddy.signalling_url + path))["server"] == "livekit", path
        async with caddy.client.get(f"{caddy.signalling_url}/twirp/x") as answer:
            assert answer.status == 404
        # Whoever writes this header is not believed: the gateway counts addresses.
        made_up = await asked(caddy, caddy.url, **{"X-Forwarded-For": "198.51.100.1"})
        assert made_up["forwarded"] == "127.0.0.1"
        async with caddy.client.get(caddy.url) as answer:
            assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert "Caddy" not in answer.headers.get("Server", "")


@pytest.mark.parametrize("delayed", [True, False], ids=["as it is", "without the delay"])
async def test_a_reload_ends_no_call(
    adapted: dict[str, Any], tmp_path: Path, delayed: bool
) -> None:
    if not delayed:
        for proxy in proxies(adapted):
            proxy.pop("stream_close_delay", None)
    async with before_both(adapted, tmp_path) as caddy:
        config = copy.deepcopy(caddy.config)
        async with caddy.client.ws_connect(f"{caddy.url}/rtc?access_token={TOKEN}") as socket:
            await socket.send_str("before")
            assert await socket.receive_str(timeout=10) == "before"
            config["apps"]["http"]["grace_period"] = 9_000_000_000
            await caddy.reload(config)
            if delayed:
                await socket.send_str("after")
                assert await socket.receive_str(timeout=10) == "after"
            else:
                message = await socket.receive(timeout=30)
                ended = (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
                assert message.type in ended


async def test_no_log_has_a_token(adapted: dict[str, Any], tmp_path: Path) -> None:
    for proxy in proxies(adapted):
        proxy["load_balancing"]["try_duration"] = 1
    path = f"/rtc?access_token={TOKEN}&protocol=16"
    async with before_both(adapted, tmp_path) as caddy:
        async with caddy.client.get(caddy.url + path, headers={"Referer": f"https://x/?{TOKEN}"}):
            pass
        dead = copy.deepcopy(caddy.config)
        for proxy in proxies(dead):
            proxy["upstreams"] = [{"dial": "127.0.0.1:9"}]
        await caddy.reload(dead)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with caddy.client.get(caddy.url + path, headers=headers) as answer:
            assert answer.status == 502
    log = caddy.log.read_text()
    lines = [json.loads(line) for line in log.splitlines()]
    loggers = {line["logger"] for line in lines if "/rtc?" in json.dumps(line)}
    assert any(name.startswith("http.log.access") for name in loggers)
    assert any(name.startswith("http.log.error") for name in loggers)
    assert "protocol=16" in log and "access_token=hidden" in log
    assert TOKEN not in log and "secret" not in log


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    made = subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-noenc", "-subj", f"/CN={NAME}", "-days", "1"),
            *("-keyout", tmp_path / "privkey.pem", "-out", tmp_path / "fullchain.pem"),
        ],
        capture_output=True,
        check=False,
    )
    if made.returncode:
        pytest.skip("openssl makes the certificate, and is not here")
    return tmp_path


def test_nginx_takes_its_file(nginx: Tool, certificate: Path) -> None:
    text = NGINX.read_text("utf-8").replace("/etc/nginx/tls", str(certificate))
    file = certificate / "nginx.conf"
    file.write_text(text.replace("PARLEY_DOMAIN", NAME))
    done = nginx("-t", "-c", file, "-p", certificate)
    assert done.returncode == 0, done.stderr


def test_nginx_logs_no_query_and_no_failed_address() -> None:
    text = NGINX.read_text("utf-8")
    (logged,) = re.findall(r"log_format without_query ([^;]+);", text)
    for whole in ("$request ", "$request_uri", "$args", "$http_referer", "$query_string"):
        assert whole not in f"{logged} "
    assert "location ~ ^/(ws/chat$|api/v1/sessions/|tickets$) {" in text
    signalling = text[text.index("location ~ ^/rtc") :]
    assert "error_log /dev/stderr crit;" in signalling[: signalling.index("}")]

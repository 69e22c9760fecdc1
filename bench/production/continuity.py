"""What has to last: calls over an update, and all that is kept over the loss of the machine."""

import json
import os
import shlex
import subprocess
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from bench.production.commands import RunError, cli, run, until
from bench.production.deployment import Container, Deployment, call
from bench.production.engine import Namespace
from parley import paths

CALLS = 4
UPDATED = ("tts", "agent")
UPDATE_S = 900.0
CALL_S = 600.0
BACKUP_S = 600.0
CHAT_USER, CHAT_SESSION = "ann", "verify-run"


def update_under_calls(
    deployment: Deployment, outside: Namespace, trusted: Path, recordings: list[Path]
) -> str:
    """deploy/update while four people talk: each of their turns is answered aloud."""
    before = {container.id for name in UPDATED for container in deployment.containers(name)}
    with ThreadPoolExecutor(CALLS) as callers:
        calls = [
            callers.submit(call, outside, trusted, *each, within_s=CALL_S)
            for each in (recordings[n:] + recordings[:n] for n in range(CALLS))
        ]
        until(
            lambda: _under_way(deployment) >= CALLS or any(each.done() for each in calls),
            f"{CALLS} calls",
            within_s=120,
        )
        began_s = time.monotonic()
        updating = _updating(deployment, calls)
        assert updating.stdout is not None
        output, told = "", {}
        for line in updating.stdout:
            output += line
            if "the old end" in line:  # they are being told now
                told[line.partition(":")[0]] = sum(not each.done() for each in calls)
        reports = [each.result() for each in calls]
        lasted_s = time.monotonic() - began_s
        updating.wait(timeout=UPDATE_S)
    if updating.returncode != 0:
        raise RunError(f"deploy/update: {output.strip().splitlines()[-1:]}")
    after = {container.id for name in UPDATED for container in deployment.containers(name)}
    if after & before or len(after) != len(before):
        raise RunError(f"deploy/update: {len(after & before)} old containers still run")
    if set(told) != set(UPDATED) or not all(told.values()):
        raise RunError(f"deploy/update told the old ones to end with so many calls left: {told}")
    turns = [turn for report in reports for turn in report["turns"]]
    slowest = max(turn["response_ms"] for turn in turns)
    return (
        f"{CALLS} calls for {lasted_s:.0f} s, in which "
        + " and ".join(f"the old {name} was told to end with {n}" for name, n in told.items())
        + " of them under way: "
        f"{len(turns)} of {CALLS * len(recordings)} turns answered aloud, the slowest after "
        f"{slowest / 1000:.1f} s"
    )


def _updating(
    deployment: Deployment, calls: "list[Future[dict[str, Any]]]"
) -> "subprocess.Popen[str]":
    """The update, begun while all of them talk; raises RunError where one has ended already."""
    if any(each.done() for each in calls):
        for each in calls:
            if each.done():
                each.result()  # says why
        raise RunError("a call had ended before the update began")
    return subprocess.Popen(
        [paths.repository() / "deploy" / "update", *UPDATED],
        env=_environment(deployment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _under_way(deployment: Deployment) -> int:
    """Calls that the agents have."""
    return sum(
        len(json.loads(_asked(agent, "http://127.0.0.1:8081/capacity"))["rooms"])
        for agent in deployment.containers("agent")
    )


def _asked(container: Container, url: str) -> str:
    ask = f"import urllib.request as r; print(r.urlopen({url!r}, timeout=5).read().decode())"
    return container.run("python", "-P", "-c", ask)


def backup_destroy_restore(deployment: Deployment, folder: Path) -> str:
    """`./run backup`, everything gone, `./run restore`: sessions, records and certificates."""
    before = _state(deployment)
    if not all(before.values()):
        raise RunError(f"there is nothing to lose: { ({k: len(v) for k, v in before.items()}) }")
    kept = folder / "backups"
    for old in kept.glob("*"):
        old.unlink()
    compose = shlex.join(deployment.command)
    inside = deployment.engine.namespace.command
    options = ("--compose", compose)
    run(
        inside(*cli("backup", "--production", "--to", kept, *options)),
        within_s=BACKUP_S,
        env=_environment(deployment),
    )
    (file,) = kept.glob("*.tar.gz")
    deployment.compose("down", "--volumes", "--timeout", "30")
    deployment.environment_file.unlink()
    restore = inside(*cli("restore", file, *options))
    run(restore, within_s=BACKUP_S, env=_environment(deployment))
    deployment.fill_models(paths.cache_dir())  # which a new machine would fetch
    deployment.start()
    after = _state(deployment)
    for what, value in before.items():
        if after[what] != value:
            raise RunError(f"{what} are not what they were before the backup")
    return (
        f"backup of {file.stat().st_size / 1e6:.1f} MB, all volumes deleted, restore: the same "
        f"{len(before['sessions'])} sessions, {len(before['records'])} files of records, the chat "
        "and the certificates"
    )


def _state(deployment: Deployment) -> dict[str, dict[str, str]]:
    """What must not be lost, as its containers have it."""
    redis, gateway = deployment.container("redis"), deployment.container("gateway")
    keys = redis.run("redis-cli", "--scan", "--pattern", "parley:session:*").split()
    sums = ("sh", "-c", "find /records /dev/null -type f -exec sha256sum {} +")
    caddy = ("sh", "-c", "find /data -name 'root.*' -exec sha256sum {} +")
    asked = f"http://127.0.0.1:8080/api/v1/sessions/{CHAT_SESSION}?user_id={CHAT_USER}"
    return {
        "chats": {CHAT_SESSION: _asked(deployment.container("chat"), asked)},
        "sessions": {key: redis.run("redis-cli", "LRANGE", key, "0", "-1") for key in keys},
        "records": _by_name(gateway.run(*sums)),
        "certificates": _by_name(deployment.container("caddy").run(*caddy)),
    }


def _by_name(sums: str) -> dict[str, str]:
    return {name: value for value, name in (line.split(maxsplit=1) for line in sums.splitlines())}


def _environment(deployment: Deployment) -> dict[str, str]:
    """For our own programs that call Docker's client: the one of the engine comes first."""
    own = deployment.engine.programs / "usr/bin"
    return (
        dict(os.environ)
        | deployment.engine.environment
        | {
            "PATH": f"{own}{os.pathsep}{os.environ.get('PATH', '')}",
            "PARLEY_COMPOSE": " ".join(deployment.command),
        }
    )

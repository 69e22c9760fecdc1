"""What has to be true of the containers, looked at from inside them and from where callers are."""

import json
from collections import Counter
from collections.abc import Sequence

from bench.production.commands import RunError, run
from bench.production.deployment import Container, Deployment
from bench.production.engine import CALLER, CALLERS_PORT, SERVER, Namespace
from bench.production.stand_ins import tags

USERS = {"redis": 999, "postgres": 70}
"""All others are 1000."""
_PROCESSES = "for each in /proc/[0-9]*/status; do cat $each 2>/dev/null; echo; done"
_CONNECTS = """
import socket, sys
for place in sys.argv[1:]:
    host, _, port = place.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=3).close()
        print("yes", place)
    except OSError as error:
        print("no", place)
"""
PUBLIC_TCP = {80, 443, 7881, 8443}
PRIVATE_TCP = {2019, 5432, 6379, 7001, 7002, 7003, 7880, 8080, 8081, 8082, 9091, 9092}
SOMEWHERE = f"{CALLER}:{CALLERS_PORT}"
"""Beyond the engine's machine; it answers whoever gets there."""
EXPECTED = (
    "cannot resolve agent",  # the gateway is up before there is one
    "does not say what calls it has",  # one that was replaced
    "rules fill the requirement",  # a chat's, where the model is small or slow
    "rules compose the answer",
    "rules rank the offers",
)
"""Complaints of a start and an update as they have to be."""
_PING = """
import socket
redis = socket.create_connection(("redis", 6379), timeout=5)
redis.sendall(b"PING\\r\\n")
print(redis.recv(99))
"""


def users_and_capabilities(containers: Sequence[Container]) -> str:
    """Every process of every container: its user, no capability, no way to new ones."""
    for container in containers:
        wanted = USERS.get(container.service, 1000)
        for process in _processes(container):
            who = f"{container.service}: {process['Name']}"
            if set(process["Uid"].split()) != {str(wanted)}:
                raise RunError(f"{who} runs as UID {process['Uid']}, not {wanted}")
            held = {name: process[name] for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb")}
            if any(int(value, 16) for value in held.values()):
                raise RunError(f"{who} has capabilities: {held}")
            if process["NoNewPrivs"] != "1":
                raise RunError(f"{who} may gain privileges")
    return f"{len(containers)} containers: UID 1000 (redis 999), no capability, no new privileges"


def _processes(container: Container) -> list[dict[str, str]]:
    text = container.run("sh", "-c", _PROCESSES)
    found = [
        dict(line.split(":\t", 1) for line in part.splitlines() if ":\t" in line)
        for part in text.split("\n\n")
    ]
    return [{k: v.strip() for k, v in each.items()} for each in found if "Uid" in each]


def read_only_roots(containers: Sequence[Container]) -> str:
    """Nothing can be written beside the volumes and /tmp, and /tmp runs nothing."""
    for container in containers:
        for folder in ("/", "/usr", "/etc", "/app"):
            wrote = container.run("sh", "-c", f"[ -d {folder} ] && touch {folder}/x || echo no")
            if wrote.strip().splitlines()[-1:] != ["no"]:
                raise RunError(f"{container.service}: {folder} can be written")
        script = "echo '#!/bin/sh' >/tmp/x && chmod 755 /tmp/x && /tmp/x && echo ran; rm -f /tmp/x"
        if "ran" in container.run("sh", "-c", f"{script}; true"):
            raise RunError(f"{container.service}: a program ran from /tmp")
    return "no root can be written, nothing runs from /tmp"


def limits(containers: Sequence[Container]) -> str:
    """Memory, processors and processes, and how long logs get."""
    told = {}
    for container in containers:
        host = container.inspected()["HostConfig"]
        if not (host["Memory"] and host["NanoCpus"] and host["PidsLimit"]):
            raise RunError(f"{container.service} has no limit of memory, processors or processes")
        if host["LogConfig"]["Config"] != {"max-size": "100m", "max-file": "10"}:
            raise RunError(f"{container.service}: its log is not rotated")
        told[container.service] = f"{host['Memory'] // 2**20} MB"
    return ", ".join(f"{name} {memory}" for name, memory in sorted(told.items()))


def isolation(deployment: Deployment, outside: Namespace) -> str:
    """Who reaches whom: nothing outside from inside, and from outside what is published alone."""
    for service in ("tts", "asr", "gateway", "llm"):
        for container in deployment.containers(service):
            reached = _reached(container, SOMEWHERE, f"{SERVER}:443")
            if reached:
                raise RunError(f"{service} reaches {', '.join(reached)}")
    agent = deployment.container("agent")
    inner = ("redis:6379", "livekit:7880", "tts:7001", "asr:7002", "llm:7003")
    missing = set(inner) - set(_reached(agent, *inner))
    if missing:
        raise RunError(f"agent does not reach {', '.join(sorted(missing))}")
    if not _reached(agent, SOMEWHERE):
        raise RunError("agent reaches nothing outside, and needs language models and webhooks")
    places = [f"{SERVER}:{port}" for port in sorted(PUBLIC_TCP | PRIVATE_TCP)]
    said = run(outside.command("python3", "-c", _CONNECTS, *places), within_s=120)
    open_ports = {int(line.rpartition(":")[2]) for line in said.splitlines() if line[:3] == "yes"}
    if open_ports != PUBLIC_TCP:
        raise RunError(f"callers reach the ports {sorted(open_ports)}, not {sorted(PUBLIC_TCP)}")
    return f"workers, gateway and model reach nothing; callers reach {sorted(PUBLIC_TCP)} alone"


def _reached(container: Container, *places: str) -> list[str]:
    said = container.run("python", "-P", "-c", _CONNECTS, *places, within_s=120)
    return [line.split()[1] for line in said.splitlines() if line.startswith("yes")]


def redis_wants_a_password(deployment: Deployment) -> str:
    said = deployment.container("agent").run("python", "-P", "-c", _PING)
    if "NOAUTH" not in said:
        raise RunError(f"Redis answers who gives no password: {said.strip()}")
    return "Redis answers nobody without its password"


def quiet_logs(deployment: Deployment) -> str:
    """Neither a password nor an access token is in what was said, and no part of ours complains."""
    said = deployment.compose("logs", "--no-color", within_s=120)
    secrets = [
        value
        for container in deployment.containers()
        for name, _, value in (
            each.partition("=") for each in container.inspected()["Config"]["Env"] or ()
        )
        if value and name.endswith(("_SECRET", "_PASSWORD", "OPERATOR_KEY"))
    ]
    complaints: Counter[str] = Counter()
    for line in said.splitlines():
        if "access_token=ey" in line or any(value in line for value in secrets):
            raise RunError(f"a secret or a token is in a log: {line[:60]}…")
        entry = _entry(line.partition("|")[2])
        # LiveKit's own library complains of every late moment of a busy machine.
        if entry.get("logger", "").startswith("livekit"):
            continue
        if entry.get("level") in ("warning", "error", "critical"):
            complaints[f"{entry.get('part')}: {entry.get('message')}"] += 1
    for what in EXPECTED:
        complaints = Counter({each: n for each, n in complaints.items() if what not in each})
    if complaints:
        raise RunError(f"complaints in the logs: {complaints.most_common(3)}")
    return f"{len(said.splitlines())} lines of logs without a token, a secret or a complaint"


def _entry(line: str) -> dict[str, str]:
    """A line of ours, as JSON; nothing of anybody else's."""
    try:
        entry = json.loads(line)
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) and "part" in entry else {}


def memory(deployment: Deployment) -> str:
    """What each container uses now."""
    ids = [container.id for container in deployment.containers()]
    form = "{{.Name}} {{.MemUsage}}"
    said = deployment.engine.docker("stats", "--no-stream", "--format", form, *ids)
    used = [line.split() for line in said.splitlines()]
    return ", ".join(f"{line[0].removeprefix(f'{deployment.project}-')} {line[1]}" for line in used)


def utterances(container: Container) -> int:
    """How many a synthesis worker has begun."""
    ask = (
        "import urllib.request as r; "
        "print(r.urlopen('http://127.0.0.1:9091/metrics', timeout=5).read().decode())"
    )
    for line in container.run("python", "-P", "-c", ask).splitlines():
        if line.startswith("worker_first_audio_seconds_count"):
            return int(float(line.split()[-1]))
    raise RunError(f"{container.service}: no worker_first_audio_seconds in its metrics")


def image_sizes(deployment: Deployment) -> str:
    """On the stand-ins for the published images, whose own size is taken off."""
    rendered = json.loads(deployment.compose("config", "--format", "json"))
    base = _size(deployment, tags()["python"])
    names = {each["image"] for each in rendered["services"].values()}
    return ", ".join(
        f"{name.partition(':')[0].removeprefix('parley-')} {_size(deployment, name) - base} MB"
        for name in sorted(names)
        if name.startswith("parley-") and not name.startswith("parley-caddy:")
    )


def _size(deployment: Deployment, image: str) -> int:
    """In megabytes."""
    size = deployment.engine.docker("image", "inspect", "--format", "{{.Size}}", image)
    return int(size) // 10**6

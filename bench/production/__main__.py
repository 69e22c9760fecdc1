"""`deploy/verify_run`: docker-compose.prod.yml on an engine of its own, from build to end.

Prints a line for each thing that was seen to be so, and ends with status 1 at the first that was
not. `--report FILE` keeps what was printed. Takes minutes more the first time: images are built.
"""

import argparse
import re
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.machine import Machine
from bench.production import checks, continuity, engine, stand_ins
from bench.production.commands import RunError
from bench.production.compose_program import compose_program
from bench.production.continuity import CHAT_SESSION, CHAT_USER
from bench.production.deployment import (
    BUILD_S,
    HOSTS,
    SMALL_MODEL,
    Deployment,
    call,
    chat,
)
from bench.production.orchestrator import orchestrator_serves
from parley import paths
from parley.program import reported

PARTS = ("production", "orchestrator")
"""docker-compose.prod.yml, and docker-compose.orchestrator.yml."""
_CLIPS = ("1688-142285-0003", "2609-156975-0003", "3005-163389-0002")
_MODEL_PORT = 8999
_MODEL_URL = f"http://{engine.SERVER}:{_MODEL_PORT}/v1"
_ANONYMOUS = re.compile(r"[0-9a-f]{64}")
_ROUNDS = 4
"""Of two calls at once, until both of two workers have spoken."""


class RunReport:
    """What was seen, as it is seen, and how long it took."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._began_s = time.monotonic()

    def say(self, what: str, detail: str) -> None:
        line = f"{time.monotonic() - self._began_s:6.0f} s  {what:<12} {detail}"
        self.lines.append(line)
        print(line, flush=True)

    def check(self, what: str, look: Callable[[], str]) -> None:
        """Says what `look` saw; raises RunError where it is not so."""
        self.say(what, look())


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    why = engine.obstacle()
    if why:
        print(f"deploy/verify_run: left out here: {why}")
        return 0
    report = RunReport()
    try:
        folder = options.folder or paths.cache_dir() / "verify-run"
        _run(folder, report, parts=options.only or PARTS, keep=options.keep)
    finally:
        if options.report is not None:
            machine = Machine.this()
            about = f"{machine.processor}, {machine.cores} cores, {machine.memory_gb} GB"
            options.report.write_text("\n".join([about, *report.lines]) + "\n", encoding="utf-8")
    return 0


def _run(folder: Path, report: RunReport, *, parts: Sequence[str], keep: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as started:
        programs = engine.unpacked(paths.cache_dir())
        docker = started.enter_context(engine.running(programs, folder))
        version = docker.docker("version", "--format", "{{.Server.Version}}").strip()
        report.say("engine", f"Docker {version} runs, in namespaces of its own")
        stand_ins.make(docker, folder)
        report.say("bases", f"made of Debian's packages: {', '.join(stand_ins.tags().values())}")
        compose = compose_program()
        # It gives the engine's machine the address at which containers find the model beside it.
        outside = started.enter_context(engine.outside(docker, HOSTS, folder))
        if "production" in parts:
            _production(docker, compose, outside, folder, report, keep=keep)
        if "orchestrator" in parts:
            own = folder / "orchestrator"
            with engine.beside(docker, *_quick_model()):
                report.check(
                    "orchestrator", lambda: orchestrator_serves(docker, compose, own, _MODEL_URL)
                )


def _production(
    docker: engine.DockerEngine,
    compose: Path,
    outside: engine.Namespace,
    folder: Path,
    report: RunReport,
    *,
    keep: bool,
) -> None:
    deployment = Deployment(docker, compose, folder, project="parley")
    deployment.configure(
        {
            "LLM_LOCAL_MODEL": SMALL_MODEL,
            "RECORD_ENABLED": "true",
            "COMPOSE_PROFILES": "piper,llm,chat",
        }
    )
    deployment.compose("down", "--volumes", "--timeout", "10")
    docker.docker("volume", "prune", "--force")  # what a run that broke off has left
    deployment.compose("build", within_s=BUILD_S)
    report.check("images", lambda: checks.image_sizes(deployment))
    deployment.fill_models(paths.cache_dir())
    try:
        _look(deployment, outside, folder, report)
    except BaseException:
        (folder / "containers.log").write_text(_logs(deployment), encoding="utf-8")
        raise
    finally:
        if not keep:
            deployment.compose("down", "--volumes", "--timeout", "30")
    if not keep:
        report.check("down", lambda: _nothing_left(docker))


def _nothing_left(docker: engine.DockerEngine) -> str:
    left = docker.docker("ps", "--all", "--quiet").split()
    volumes = docker.docker("volume", "ls", "--quiet").split()
    named = [volume for volume in volumes if not _ANONYMOUS.fullmatch(volume)]
    if left or named:
        raise RunError(f"down left {len(left)} containers and the volumes {', '.join(named)}")
    docker.docker("volume", "prune", "--force")
    if not volumes:
        return "no container and no volume is left"
    return (
        f"no container and no named volume is left; {len(volumes)} of agents that were made anew "
        "have no name, and `docker volume prune` takes them"
    )


def _quick_model() -> list[str]:
    return [sys.executable, "-P", "-m", "bench.production.quick_model", str(_MODEL_PORT)]


def _look(
    deployment: Deployment, outside: engine.Namespace, folder: Path, report: RunReport
) -> None:
    began_s = time.monotonic()
    deployment.start()
    healthy = deployment.containers()
    took_s = time.monotonic() - began_s
    report.say("up", f"{len(healthy)} containers healthy after {took_s:.0f} s")
    report.check("users", lambda: checks.users_and_capabilities(healthy))
    report.check("roots", lambda: checks.read_only_roots(healthy))
    report.check("limits", lambda: checks.limits(healthy))
    report.check("networks", lambda: checks.isolation(deployment, outside))
    report.check("redis", lambda: checks.redis_wants_a_password(deployment))
    trusted = deployment.authority(folder / "authority.crt")
    report.say("call", _told(call(outside, trusted, _clip(0), _clip(1))))
    report.say("chat", _found(chat(outside, trusted, CHAT_USER, CHAT_SESSION)))
    deployment.start("--no-recreate", "--scale", "tts=2")
    report.say("scale", _both_used(deployment, outside, trusted))
    report.check("memory", lambda: checks.memory(deployment))
    speech = [_clip(number) for number in range(len(_CLIPS))] * 2
    with engine.beside(deployment.engine, *_quick_model()):
        deployment.change(OPENAI_BASE_URL=_MODEL_URL, OPENAI_API_KEY="none", LLM_MODEL="quick")
        deployment.start("--scale", "tts=2")
        report.check(
            "update", lambda: continuity.update_under_calls(deployment, outside, trusted, speech)
        )
    deployment.change(OPENAI_BASE_URL="", OPENAI_API_KEY="", LLM_MODEL="")
    deployment.start("--scale", "tts=2")
    report.check("logs", lambda: checks.quiet_logs(deployment))
    report.check("backup", lambda: continuity.backup_destroy_restore(deployment, folder))
    report.say("call", _told(call(outside, trusted, _clip(2))))


def _told(report: dict[str, Any]) -> str:
    turns = report["turns"]
    return (
        f"{len(turns)} turns through Caddy, TLS and published ports, each answered: "
        + "; ".join(
            f"understood {turn['user_transcript']!r}, said {turn['agent_transcript']!r}"
            for turn in turns
        )
    )


def _found(chatted: dict[str, Any]) -> str:
    products = chatted["products"]
    return (
        f"the shopping assistant over /ws/chat found {len(products)} products through Caddy, the "
        f"first {products[0]['title']!r} for {products[0]['price']}"
    )


def _both_used(deployment: Deployment, outside: engine.Namespace, trusted: Path) -> str:
    workers = deployment.containers("tts")
    if len(workers) != 2:
        raise RunError(f"{len(workers)} workers run, not two")
    counts: list[int] = []
    with ThreadPoolExecutor(2) as callers:
        for round_ in range(1, _ROUNDS + 1):
            calls = [callers.submit(call, outside, trusted, _clip(n)) for n in (0, 2)]
            for each in calls:
                each.result()
            counts = [checks.utterances(worker) for worker in workers]
            if all(counts):
                return f"tts=2: utterances {counts[0]} and {counts[1]} ({round_} × 2 calls at once)"
    raise RunError(f"of two workers one is never used: utterances {counts}")


def _clip(number: int) -> Path:
    return paths.repository() / "caller" / "clips" / "speech" / f"{_CLIPS[number]}.flac"


def _logs(deployment: Deployment) -> str:
    try:
        return deployment.compose("ps", "--all") + deployment.compose("logs", "--no-color")
    except RunError as error:
        return str(error)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="deploy/verify_run", description=__doc__)
    parser.add_argument("--report", type=Path, metavar="FILE", help="keep what is printed")
    parser.add_argument(
        "--folder", type=Path, metavar="DIR", help="images and logs; default: in the cache"
    )
    parser.add_argument("--only", action="append", choices=PARTS, help="a part of it")
    parser.add_argument("--keep", action="store_true", help="leave the volumes as they are")
    return parser


if __name__ == "__main__":
    sys.exit(reported(lambda: main(sys.argv[1:])))

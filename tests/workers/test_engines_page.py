"""docs/engines.md followed to the letter: the files it shows, its install command, its settings,
and its commands, in an environment of their own."""

import asyncio
import json
import os
import re
import shlex
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml
from grpc_health.v1 import health_pb2, health_pb2_grpc

from parley import paths
from testkit.doc_fences import fences
from testkit.isolated_config import write_config

pytestmark = pytest.mark.servers

PAGE, SECTION = "engines.md", "An engine of your own"
READY_S = 120
BUILD = ("--offline", "--no-deps", "--no-build-isolation")
"""What the install command does not say: numpy and setuptools are here, and no network may be."""


@dataclass(frozen=True)
class Environment:
    """A virtual environment with all that Parley's has, and settings beside it."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / ".venv" / "bin" / "python"

    @property
    def variables(self) -> dict[str, str]:
        return {
            **os.environ,
            "PYTHONPATH": str(paths.repository()),
            "PARLEY_CONFIG_DIR": str(self.folder / "configs"),
            "PARLEY_STATE_DIR": str(self.folder / "state"),
        }

    def parley(self, *arguments: str) -> str:
        """What a command of `./run` prints; it has to end well."""
        return self.done(str(self.python), "-P", "-m", "cli.main", *arguments)

    def done(self, *command: str) -> str:
        done = subprocess.run(
            command,
            cwd=paths.repository(),
            env=self.variables,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    @contextmanager
    def worker(self, part: str) -> Iterator[None]:
        """The speech worker as `up` starts it; ended with the block."""
        command = [str(self.python), "-P", "-m", f"workers.{part}"]
        process = subprocess.Popen(command, cwd=paths.repository(), env=self.variables)
        try:
            yield
        finally:
            process.kill()
            process.wait()


@pytest.fixture
def environment(tmp_path: Path) -> Environment:
    made = Environment(tmp_path)
    uv = str(Path(sys.executable).with_name("uv"))
    subprocess.run(
        [uv, "venv", "--quiet", "--offline", "--python", sys.executable, tmp_path / ".venv"],
        check=True,
    )
    (site,) = (tmp_path / ".venv").glob("lib/python*/site-packages")
    (site / "parley.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return made


def shown_files() -> dict[str, str]:
    text = (paths.repository() / "docs" / PAGE).read_text(encoding="utf-8")
    pattern = r"^`([\w/.]+)`:\n\n```\w+\n(.*?)^```"
    return dict(re.findall(pattern, text, re.DOTALL | re.MULTILINE))


def shown_settings() -> list[Mapping[str, Any]]:
    return [yaml.safe_load(fence.text) for fence in fences(PAGE, "yaml", under=SECTION)]


async def until_serving(environment: Environment) -> None:
    file = environment.folder / "configs" / "worker.yaml"
    settings = yaml.safe_load(file.read_text(encoding="utf-8"))
    for port in (settings["tts"]["port"], settings["asr"]["port"]):
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            watch = health_pb2_grpc.HealthStub(channel).Watch(
                health_pb2.HealthCheckRequest(), wait_for_ready=True, timeout=READY_S
            )
            async for health in watch:
                if health.status == health_pb2.HealthCheckResponse.SERVING:
                    break
            watch.cancel()


async def test_the_page_followed_to_the_letter_gives_two_engines_that_work(
    environment: Environment,
) -> None:
    package = environment.folder / "hum"
    for name, text in shown_files().items():
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(text, encoding="utf-8")
    install, use = (fence.text for fence in fences(PAGE, "sh", under=SECTION))
    worker, orchestrator = shown_settings()
    write_config(environment.folder / "configs", worker=worker, orchestrator=orchestrator)

    uv, *arguments = shlex.split(install)
    assert uv == ".venv/bin/uv"
    here = {".venv/bin/python": str(environment.python), "FOLDER": str(package)}
    await asyncio.to_thread(
        environment.done,
        str(Path(sys.executable).with_name("uv")),
        *(here.get(each, each) for each in arguments),
        *BUILD,
    )
    # Whether `up` would start with these settings.
    check = "from cli import up; up.check([])"
    await asyncio.to_thread(environment.done, str(environment.python), "-P", "-c", check)

    with ExitStack() as running:
        for part in ("tts", "asr"):
            running.enter_context(environment.worker(part))
        await until_serving(environment)
        voices, say, transcribe = (shlex.split(line)[1:] for line in use.splitlines())
        assert "hum-low" in await asyncio.to_thread(environment.parley, *voices)
        wav = environment.folder / "hum.wav"
        told = await asyncio.to_thread(environment.parley, *say, "--json", "--save", str(wav))
        report = json.loads(told)
        assert (report["engine"], report["voice"], report["words"]) == ("hum", "hum-low", 3)
        assert report["audio_s"] == pytest.approx(0.3, abs=0.01)
        assert wav.stat().st_size > 0.3 * 24_000 * 2
        heard = await asyncio.to_thread(environment.parley, *transcribe)
        assert re.fullmatch(r"(\d+ seconds of speech\. ?)+", heard.strip())

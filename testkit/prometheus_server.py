"""Prometheus with our rules, asking the parts of a stack every second; and its answers."""

import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from ops.supervisor.environment import base_environment
from parley import paths
from parley.errors import ConfigurationError
from testkit.isolated_config import HOST, free_ports

CONFIG = Path("monitoring/prometheus.local.yml")
READY_S = 60.0
POLL_S = 0.1


@dataclass(frozen=True)
class Series:
    """One of an answer: its labels, and its values with their times, in seconds since 1970."""

    labels: Mapping[str, str]
    points: Sequence[tuple[float, float]]


class Prometheus:
    """A running one; made by `prometheus_asking`."""

    def __init__(self, url: str) -> None:
        self.url = url

    def now(self, expr: str) -> list[Series]:
        """Raises ValueError for an expression that Prometheus does not take."""
        found = self._get("query", query=expr)
        if found["resultType"] == "scalar":
            return [Series({}, [_point(found["result"])])]
        return [Series(each["metric"], [_point(each["value"])]) for each in found["result"]]

    def since(self, expr: str, begin_s: float, *, step_s: float = 1.0) -> list[Series]:
        """From then until now; raises ValueError as `now` does."""
        found = self._get(
            "query_range", query=expr, start=str(begin_s), end=str(time.time()), step=str(step_s)
        )
        return [
            Series(each["metric"], [_point(value) for value in each["values"]])
            for each in found["result"]
        ]

    def kinds(self) -> dict[str, str]:
        """Of every metric: counter, gauge, histogram; `_bucket` and the like are not named."""
        return {name: each[0]["type"] for name, each in self._get("metadata").items()}

    def _get(self, path: str, **parameters: str) -> Any:
        answer = httpx.get(f"{self.url}/api/v1/{path}", params=parameters, timeout=30).json()
        if answer["status"] != "success":
            raise ValueError(f"{answer['error']}: {parameters}")
        return answer["data"]


def _point(value: Sequence[Any]) -> tuple[float, float]:
    return float(value[0]), float(value[1])


@contextmanager
def prometheus_asking(folder: Path, targets: Mapping[str, Sequence[str]]) -> Iterator[Prometheus]:
    """`targets`: host:port by job, in place of those of monitoring/prometheus.local.yml.

    Raises ConfigurationError where there is no Prometheus.
    """
    program = shutil.which("prometheus")
    if program is None:
        raise ConfigurationError("this needs prometheus (Debian: apt-get install prometheus)")
    (port,) = free_ports(1)
    config = folder / "prometheus.yml"
    config.write_text(yaml.safe_dump(_config(targets)), encoding="utf-8")
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [
                program,
                f"--config.file={config}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={HOST}:{port}",
                "--enable-feature=exemplar-storage",
            ],
            env=base_environment(),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            _until_ready(process, f"http://{HOST}:{port}", folder / "prometheus.log")
            yield Prometheus(f"http://{HOST}:{port}")
        finally:
            process.kill()
            process.wait()


def _config(targets: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    repository = paths.repository()
    config: dict[str, Any] = yaml.safe_load((repository / CONFIG).read_text(encoding="utf-8"))
    config["global"] = {
        "scrape_interval": "1s",
        "scrape_timeout": "1s",
        "evaluation_interval": "1s",
    }
    config["rule_files"] = [str(repository / "monitoring" / name) for name in config["rule_files"]]
    asked = [job for job in config["scrape_configs"] if job["job_name"] in targets]
    config["scrape_configs"] = asked
    for job in asked:
        job["static_configs"] = [{"targets": list(targets[job["job_name"]])}]
    return config


def _until_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    until_s = time.monotonic() + READY_S
    while time.monotonic() < until_s and process.poll() is None:
        try:
            if httpx.get(f"{url}/-/ready", timeout=1).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        time.sleep(POLL_S)
    raise ConfigurationError(f"Prometheus did not start: {log.read_text(errors='replace')[-2000:]}")

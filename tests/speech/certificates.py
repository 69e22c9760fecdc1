"""Certificates for the tests of TLS, made with openssl as docs/workers.md says."""

import shutil
import subprocess
from pathlib import Path

import pytest

from testkit.doc_fences import fences

SERVER_NAME = "parley-worker"


def documented_commands() -> str:
    """The shell commands of the page, which make an authority and both sides' certificates."""
    (commands,) = fences("workers.md", "sh", under="TLS")
    return commands.text


def make_certificates(folder: Path) -> Path:
    """The folder, with ca.pem, worker.pem, agent.pem and the keys of the latter two."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder.mkdir(parents=True)
    subprocess.run(
        ["sh", "-e", "-c", documented_commands()], cwd=folder, check=True, capture_output=True
    )
    return folder


def tls_of(side: str, certificates: Path, *, ca: Path | None = None) -> dict[str, str]:
    """The `tls` section of one side, worker or agent."""
    return {
        "ca": str((ca or certificates) / "ca.pem"),
        "cert": str(certificates / f"{side}.pem"),
        "key": str(certificates / f"{side}-key.pem"),
    }

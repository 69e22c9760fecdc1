"""No file of the repository holds a secret, as far as detect-secrets knows one."""

import json
import subprocess
from pathlib import Path

import pytest

from parley import paths
from tests.deploy.conftest import beside_python, left_out

ROOT = paths.repository()
PLUGINS = (
    "AWSKeyDetector",
    "BasicAuthDetector",
    "GitHubTokenDetector",
    "JwtTokenDetector",
    "PrivateKeyDetector",
    "SlackDetector",
    "StripeDetector",
)
"""Those that know a form. What only has the look of chance finds every checksum of the locks."""
NO_TEXT = {".flac", ".png", ".svg", ".npz", ".onnx", ".lock", ".html"}
EXAMPLES = {
    (".env.example", "Basic Auth Credentials"),  # user:password@host
    ("dialogue/database.py", "Basic Auth Credentials"),
    ("parley/settings/orchestrator.py", "Basic Auth Credentials"),
    ("parley/settings/retrieval.py", "Basic Auth Credentials"),
    ("web/src/call/problems.test.ts", "JSON Web Token"),
}
"""What is no secret, outside the tests in Python."""


def _found(files: list[str], folder: Path) -> set[tuple[str, str]]:
    """File and kind of what looks like a secret; nobody is asked whether it works."""
    program = beside_python("detect-secrets")
    if program is None:
        left_out("detect-secrets")
    listed = subprocess.run(
        [program, "scan", "--list-all-plugins"], capture_output=True, text=True, check=True
    ).stdout.split()
    disabled = [
        word for name in listed if name not in PLUGINS for word in ("--disable-plugin", name)
    ]
    assert set(PLUGINS) <= set(listed)
    done = subprocess.run(
        [program, "scan", "--no-verify", *disabled, *files],
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
    )
    results = json.loads(done.stdout)["results"]
    return {(file, each["type"]) for file, found in results.items() for each in found}


def test_no_file_holds_a_secret() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], capture_output=True, text=True, check=False, cwd=ROOT
    )
    if listed.returncode != 0:
        pytest.skip("this is no checkout of git")
    files = [
        name
        for name in listed.stdout.splitlines()
        if Path(name).suffix not in NO_TEXT and not name.endswith("package-lock.json")
    ]
    found = {each for each in _found(files, ROOT) if not each[0].startswith("tests/")}
    assert found == EXAMPLES


def test_one_would_be_found(tmp_path: Path) -> None:
    label = "RSA PRIVATE " + "KEY-----"  # in two, or this file would be found
    lines = ["MIIE" + "a1B2" * 15, *["c3D4" * 16] * 5]
    key = "\n".join([f"-----BEGIN {label}", *lines, f"-----END {label}"])
    (tmp_path / "deployed.pem").write_text(f"{key}\n")
    (tmp_path / "settings.py").write_text("TOKEN = 'ghp_" + "a1B2" * 9 + "'\n")
    kinds = {kind for _, kind in _found(["deployed.pem", "settings.py"], tmp_path)}
    assert kinds == {"Private Key", "GitHub Token"}

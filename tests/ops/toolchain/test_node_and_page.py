"""Node is found or fetched; the page is built when, and only when, its sources changed."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from ops.toolchain import ensure_node, ensure_page
from ops.toolchain.programs import ProgramPackage
from parley.errors import ToolchainError
from tests.ops.toolchain.conftest import write_program

NO_NODE = ProgramPackage("no-such-node==1.0", size_bytes=1)
BUILD = """
import {appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync} from "node:fs"
rmSync("dist", {recursive: true, force: true})
mkdirSync("dist")
writeFileSync("dist/index.html", readFileSync("src/page.txt"))
appendFileSync("../builds", "x")
"""


@pytest.fixture
def web(tmp_path: Path) -> Path:
    """A page whose build takes one small script and no library."""
    folder = tmp_path / "web"
    (folder / "src").mkdir(parents=True)
    package = {"name": "page", "version": "1.0.0", "scripts": {"build": "node build.mjs"}}
    lock = {
        "name": "page",
        "version": "1.0.0",
        "lockfileVersion": 3,
        "packages": {"": {"name": "page", "version": "1.0.0"}},
    }
    (folder / "package.json").write_text(json.dumps(package))
    (folder / "package-lock.json").write_text(json.dumps(lock))
    (folder / "build.mjs").write_text(BUILD)
    (folder / "src/page.txt").write_text("one")
    return folder


def builds(web: Path) -> int:
    return len((web.parent / "builds").read_text())


def test_node_and_npm_on_path_are_used(programs: Path) -> None:
    node = write_program(programs / "node", "echo v22.3.0")
    npm = write_program(programs / "npm", "")
    tools = ensure_node(package=NO_NODE)
    assert (tools.node, tools.npm) == (node, (str(npm),))


@pytest.mark.parametrize("version", ["v18.20.1", "nonsense"])
def test_an_old_or_broken_node_is_not_used(
    programs: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    write_program(programs / "node", f"echo {version}")
    write_program(programs / "npm", "")
    with pytest.raises(ToolchainError, match=r"Node 20 .* no-such-node==1\.0"):
        ensure_node(package=NO_NODE)


@pytest.mark.servers
def test_node_can_be_had_on_a_machine_without_it(programs: Path) -> None:
    tools = ensure_node()
    answer = subprocess.run([*tools.npm, "--version"], capture_output=True, text=True, check=True)
    assert int(answer.stdout.split(".")[0]) >= 10


@pytest.mark.servers
@pytest.mark.skipif(shutil.which("npm") is None, reason="builds with the npm on PATH")
def test_the_page_is_built_again_only_when_a_source_changed(web: Path, cache: Path) -> None:
    assert (ensure_page(web=web) / "index.html").read_text() == "one"
    ensure_page(web=web)
    assert builds(web) == 1
    (web / "src/page.txt").write_text("two")
    assert (ensure_page(web=web) / "index.html").read_text() == "two"
    assert builds(web) == 2
    shutil.rmtree(web / "dist")
    ensure_page(web=web)
    assert builds(web) == 3


@pytest.mark.servers
@pytest.mark.skipif(shutil.which("npm") is None, reason="builds with the npm on PATH")
def test_a_build_that_fails_shows_its_end_and_does_not_count(web: Path, cache: Path) -> None:
    (web / "src/page.txt").unlink()
    for _ in range(2):
        with pytest.raises(ToolchainError, match=r"(?s)npm run in .*ENOENT.*src/page\.txt"):
            ensure_page(web=web)


def test_a_page_that_was_shipped_built_needs_no_node(web: Path, programs: Path) -> None:
    shutil.rmtree(web / "src")
    (web / "package.json").unlink()
    (web / "dist").mkdir()
    with pytest.raises(ToolchainError, match="no page to build"):
        ensure_page(web=web)
    (web / "dist/index.html").touch()
    assert ensure_page(web=web) == web / "dist"


@pytest.mark.parametrize("system_trusts", [True, False])
def test_npm_that_trusts_nobody_is_told_to_trust_whom_this_system_trusts(
    web: Path, cache: Path, programs: Path, system_trusts: bool
) -> None:
    write_program(programs / "node", "echo v22.3.0")
    option = "--use-openssl-ca" if system_trusts else "--no-such-option"
    write_program(
        programs / "npm",
        f'case "$NODE_OPTIONS" in *{option}*) mkdir -p dist; exit 0 ;; esac\n'
        'echo "npm error self-signed certificate in certificate chain"; exit 1',
    )
    if system_trusts:
        assert ensure_page(web=web) == web / "dist"
    else:
        with pytest.raises(ToolchainError, match=r"(?s)npm ci in .*self-signed.*SSL_CERT_FILE"):
            ensure_page(web=web)

"""The page's own checks: types, lint and the unit tests beside its sources."""

import os
import subprocess

import pytest

from parley import paths
from parley.toolchain.node import ensure_node
from parley.toolchain.web import ensure_page


@pytest.mark.servers  # not for its servers, but for its seconds
@pytest.mark.parametrize("arguments", [("run", "check"), ("test",)])
def test_the_pages_sources_pass(arguments: tuple[str, ...]) -> None:
    ensure_page()
    tools = ensure_node()
    done = subprocess.run(
        [*tools.npm, *arguments],
        cwd=paths.repository() / "web",
        env=os.environ | {"PATH": f"{tools.node.parent}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr

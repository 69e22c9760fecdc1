"""Two Parleys of the same settings on one machine: PARLEY_PORT_OFFSET keeps them apart."""

import json
from contextlib import ExitStack
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from ops.supervisor.stack import Stack
from parley.errors import SupervisorError
from parley.settings.port_offset import PORT_OFFSET
from testkit.isolated_config import write_config

pytestmark = pytest.mark.servers

PARTS = ("livekit", "gateway")
"""Those with the most ports, and no model."""


def room_of(stack: Stack) -> str:
    """Where a caller of its page is sent."""
    asked = Request(
        f"{stack.configuration.page_url}/api/token",
        data=b"{}",
        headers={"Content-Type": "application/json"},
    )
    with urlopen(asked, timeout=30) as answer:
        return str(json.load(answer)["url"])


def test_two_checkouts_run_side_by_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configs = write_config(tmp_path / "configs", orchestrator={"server": {"admission": "open"}})

    def stack(offset: str, name: str) -> Stack:
        monkeypatch.setenv(PORT_OFFSET, offset)  # read when it is made and when it starts
        made = Stack(configs, tmp_path / name, parts=PARTS)
        made.start()
        return made

    with ExitStack() as running:
        running.callback((first := stack("", "first")).stop)
        with pytest.raises(SupervisorError, match=r"(?s)in use by .*--port-offset 100 moves all"):
            stack("", "in the way")
        running.callback((second := stack("400", "second")).stop)
        ports = [each.configuration.orchestrator.server.port for each in (first, second)]
        assert ports[1] == ports[0] + 400
        for each in (first, second):
            assert room_of(each) == each.configuration.orchestrator.livekit.url
            assert {status.state for status in each.status} == {"ready"}
        assert room_of(first) != room_of(second)

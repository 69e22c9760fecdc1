"""What `up` prints of its steps is what the benchmark reads."""

import io

from rich.console import Console

from bench.start import _READY, steps
from cli.up import _tell_seconds
from ops.supervisor.console import StartView
from ops.supervisor.part import PartState
from ops.supervisor.preparation import Preparation


class Prepared(Preparation):
    """Of a machine where two steps had something to do."""

    def __init__(self) -> None:
        self._seconds = {"LiveKit server": 40.2, "page": 0.1, "qwen2.5-0.5b-instruct": 6.0}


def test_each_step_that_took_time_is_told_with_its_seconds() -> None:
    output = io.StringIO()
    console = Console(file=output, width=60)
    view = StartView(console)
    view.show("tts", PartState.READY)
    _tell_seconds(console, Prepared(), view)
    found = _READY.search(" ".join(output.getvalue().split()))
    assert found is not None
    told = steps(found[2])
    assert list(told) == ["environment", "LiveKit server", "qwen2.5-0.5b-instruct", "tts"]
    assert told["LiveKit server"] == 40.2

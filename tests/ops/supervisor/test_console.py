"""What a person is told while parts start, die, and are given up."""

import io

from rich.console import Console

from ops.supervisor.console import StartView, announce
from ops.supervisor.part import PartState
from ops.supervisor.supervisor import PartStatus


def shown(*, terminal: bool = False) -> tuple[Console, io.StringIO]:
    output = io.StringIO()
    return Console(file=output, force_terminal=terminal, width=80), output


def test_a_death_is_told_with_name_reason_and_last_lines() -> None:
    console, output = shown()
    announce(
        console,
        PartStatus(
            "tts",
            PartState.RESTARTING,
            restarts=1,
            reason="killed by SIGKILL",
            last_lines=("loading [voice]", "out of memory"),
            pause_s=0.5,
        ),
    )
    assert output.getvalue() == (
        "tts has died (killed by SIGKILL); starting it again in 0.5 s. The last it said:\n"
        "    loading [voice]\n"
        "    out of memory\n"
    )


def test_a_part_that_is_given_up_is_told_once_and_for_all() -> None:
    console, output = shown()
    announce(console, PartStatus("asr", PartState.FAILED, reason="exit status 4"))
    assert "asr could not be kept running (exit status 4)" in output.getvalue()
    assert "./run down" in output.getvalue()


def test_elsewhere_than_on_a_terminal_each_change_is_a_line() -> None:
    console, output = shown()
    with StartView(console) as view:
        for state in (PartState.WAITING, PartState.STARTING, PartState.STARTING, PartState.READY):
            view.show("tts", state)
    view.show("tts", PartState.STOPPED)
    assert output.getvalue() == "tts: starting\ntts: ready\n"


def test_a_terminal_shows_one_list_and_takes_it_away() -> None:
    console, output = shown(terminal=True)
    with StartView(console) as view:
        view.show("livekit", PartState.READY)  # while something else is shown
        assert output.getvalue() == ""
        view.open()
        view.show("tts", PartState.STARTING)
    assert "✓ livekit  ready" in output.getvalue()
    assert "tts      starting" in output.getvalue()
    assert output.getvalue().endswith("\x1b[2K")  # the last thing it does is erase


class _GoneTerminal(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(5, "Input/output error")


def test_a_terminal_that_has_gone_ends_no_part() -> None:
    announce(Console(file=_GoneTerminal()), PartStatus("asr", PartState.FAILED))

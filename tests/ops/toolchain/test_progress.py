"""What a person sees of a long step."""

import io

from rich.console import Console

from parley.progress import ProgressBars


def shown(*, terminal: bool) -> str:
    console = Console(file=io.StringIO(), force_terminal=terminal, width=120)
    with ProgressBars(console) as progress:
        for done in (0, 30_000_000, 63_000_000):
            progress("a model", done, 63_000_000)
        progress("building", 0, None)
        progress("building", 1, 1)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_terminal_shows_bars_with_sizes() -> None:
    assert "63.0 / 63.0 MB" in shown(terminal=True)


def test_a_log_gets_one_line_for_each_step() -> None:
    assert shown(terminal=False) == "a model\nbuilding\n"

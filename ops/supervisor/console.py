"""What a person sees while the parts start and run: a live list on a terminal, lines elsewhere."""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from ops.supervisor.part import PartState
from ops.supervisor.supervisor import PartStatus, failure_message

_MARKS = {
    PartState.READY: ("✓", "green"),
    PartState.RESTARTING: ("!", "yellow"),
    PartState.FAILED: ("✗", "red"),
    PartState.STOPPED: ("·", "dim"),
    PartState.WAITING: ("·", "dim"),
}


@contextmanager
def gone_terminals_ignored() -> Iterator[None]:
    """For what is shown while parts run: a terminal that has gone away must not end them."""
    with suppress(OSError):
        yield


class StartView:
    """Shows the parts become ready, from `open` to the end of `with`."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._is_open = True
        self._is_live = False
        self._begun = time.monotonic()
        self._parts: dict[str, PartState] = {}
        self._took_s: dict[str, float] = {}
        self._live = Live(console=console, refresh_per_second=8, transient=True)

    def __enter__(self) -> Self:
        return self

    def open(self) -> None:
        """Shows the list on a terminal, where nothing else may be live by now."""
        if self._console.is_terminal and self._is_open:
            self._is_live = True
            self._live.start()
            self._live.update(Group(*self._lines()))

    @property
    def seconds(self) -> Mapping[str, float]:
        """When each part was ready, counted from the making of this view."""
        return self._took_s

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Takes the list away; nothing is shown any more."""
        self._live.stop()
        self._is_open = False

    def show(self, name: str, state: PartState) -> None:
        """Notes the state of a part; on anything but a terminal, a change is a line."""
        if self._parts.get(name) is state or not self._is_open:
            return
        self._parts[name] = state
        if state is PartState.READY:
            self._took_s[name] = time.monotonic() - self._begun
        with gone_terminals_ignored():
            if self._is_live:
                self._live.update(Group(*self._lines()))
            elif state is not PartState.WAITING and not self._console.is_terminal:
                self._console.print(f"{name}: {state}", highlight=False)

    def _lines(self) -> Iterable[Text | Spinner]:
        for name, state in self._parts.items():
            took = f" {self._took_s[name]:.1f} s" if name in self._took_s else ""
            if state is PartState.STARTING:
                yield Spinner("dots", text=f"{name:<8} starting")
            else:
                mark, color = _MARKS[state]
                yield Text(f"{mark} {name:<8} {state}{took}", style=color)


def announce(console: Console, status: PartStatus) -> None:
    """Says that a part has died, came back or was given up; other changes go without a word."""
    with gone_terminals_ignored():
        if status.state is PartState.RESTARTING:
            lines = "".join(f"\n    {line}" for line in status.last_lines)
            console.print(
                f"{status.name} has died ({status.reason}); starting it again in "
                f"{status.pause_s:g} s. The last it said:{lines or ' nothing'}",
                style="yellow",
                markup=False,
                highlight=False,
            )
        elif status.state is PartState.READY and status.restarts:
            console.print(f"{status.name} is ready again", style="green", highlight=False)
        elif status.state is PartState.FAILED:
            console.print(
                f"{failure_message(status)}\nThe others go on; `./run down` and `./run up` start "
                "all of them anew.",
                style="red",
                markup=False,
                highlight=False,
            )

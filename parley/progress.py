"""Progress of long steps: fetching, verifying, building; shown as bars or as lines."""

import threading
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, ProgressColumn, Task, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as RichProgress
from rich.text import Text


class StepProgress(Protocol):
    """Told by whatever takes long; called from any thread, often."""

    def __call__(self, label: str, done: int, total: int | None, /) -> None:
        """Step `label` has done `done` of `total` bytes; `total` None: the size is not known.

        A step without a size (a build) reports (0, None) when it starts and (1, 1) at its end.
        """


def silent(label: str, done: int, total: int | None, /) -> None:
    """Progress that nobody watches."""


class ProgressBars:
    """Shows progress on a console: a bar per step on a terminal, else a line when one starts."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = threading.Lock()
        self._tasks: dict[str, TaskID] = {}
        self._bars = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(),
            TimeElapsedColumn(),
            _SizeColumn(),
            console=console,
        )

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Takes the bars away; a step that comes later is shown no more on a terminal."""
        if self._console.is_terminal:
            self._bars.stop()

    def __call__(self, label: str, done: int, total: int | None, /) -> None:
        with self._lock:
            task = self._tasks.get(label)
            if task is None:
                task = self._tasks[label] = self._bars.add_task(label, total=total)
                if not self._console.is_terminal:
                    self._console.print(label, markup=False, highlight=False)
            self._bars.update(task, completed=done, total=total)


class _SizeColumn(ProgressColumn):
    """Bytes done, of all, and their speed; nothing for a step without a size."""

    def render(self, task: Task) -> Text:
        if task.total is None or task.total <= 1:
            return Text("")
        speed = f"  {task.speed / 1e6:.1f} MB/s" if task.speed and not task.finished else ""
        return Text(f"{task.completed / 1e6:.1f} / {task.total / 1e6:.1f} MB{speed}")

"""What a benchmark promises, and whether a run keeps it."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console


@dataclass(frozen=True)
class Promise:
    """`measured` None: it could not be measured, which breaks the promise too."""

    name: str
    required: float
    measured: float | None
    at_least: bool = False

    @property
    def kept(self) -> bool:
        if self.measured is None:
            return False
        within = self.measured >= self.required if self.at_least else self.measured <= self.required
        return within

    def document(self) -> dict[str, Any]:
        return {**asdict(self), "kept": self.kept}


def print_promises(console: Console, promises: Iterable[Promise]) -> None:
    for promise in promises:
        verdict = "[green]kept[/]" if promise.kept else "[red]broken[/]"
        relation = "at least" if promise.at_least else "at most"
        measured = "not measured" if promise.measured is None else f"{promise.measured:g}"
        name = promise.name.replace("_", " ")
        console.print(f"{name}: {measured}, {relation} {promise.required:g}: {verdict}")

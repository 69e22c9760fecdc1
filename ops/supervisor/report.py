"""How each part is doing at this moment, asked of the part itself; as a table or as JSON."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table

from ops.doctor.finding import Finding, Level
from ops.supervisor.part import PartState
from ops.supervisor.processes import tree_memory_bytes
from ops.supervisor.record import PartRecord, StackRecord
from parley.probe import why_not_ready
from parley.settings.orchestrator import DEFAULT_APP

NOT_ANSWERING = "not answering"
_COLORS = {PartState.READY: "green", PartState.FAILED: "red", NOT_ANSWERING: "red"}
MODEL_PART = "llm"
_MODEL_STATES = {
    Level.OK: "[green]answers[/]",
    Level.WARNING: "[yellow]warning[/]",
    Level.PROBLEM: f"[red]{NOT_ANSWERING}[/]",
}


@dataclass(frozen=True)
class PartReport:
    """A part's state now; `detail` says what is wrong where something is."""

    name: str
    state: str
    pid: int | None
    ports: tuple[int, ...]
    memory_mb: float
    restarts: int
    detail: str

    @property
    def is_well(self) -> bool:
        return self.state == PartState.READY


def ask_parts(record: StackRecord) -> list[PartReport]:
    """Asks every part that is said to be ready whether it is; takes about a second at most."""
    with ThreadPoolExecutor(max_workers=max(1, len(record.parts))) as pool:
        return list(pool.map(_ask, record.parts))


def _ask(part: PartRecord) -> PartReport:
    state, detail = str(part.state), ""
    if part.state is PartState.READY:
        if answer := why_not_ready(part.ready_url):
            state, detail = NOT_ANSWERING, answer
    elif part.state in (PartState.RESTARTING, PartState.FAILED):
        detail = part.reason
    memory_bytes = tree_memory_bytes(part.guard.pid) if part.guard and part.guard.is_alive else 0
    return PartReport(
        name=part.name,
        state=state,
        pid=part.pid,
        ports=part.ports,
        memory_mb=round(memory_bytes / 1e6, 1),
        restarts=part.restarts,
        detail=detail,
    )


def as_json(record: StackRecord, reports: list[PartReport]) -> dict[str, object]:
    """The document of `status --json`."""
    return {
        "running": True,
        "page": record.page_url,
        "pid": record.supervisor.pid,
        "app": record.app,
        "apps": record.apps,
        "parts": [asdict(report) for report in reports],
    }


def are_well(reports: Sequence[PartReport], model: Finding | None = None) -> bool:
    """Whether calls can be answered: every part is ready, and the language model no problem. That
    of this machine is a part."""
    is_part = any(report.name == MODEL_PART for report in reports)
    is_lost = model is not None and model.level is Level.PROBLEM and not is_part
    return bool(reports) and all(report.is_well for report in reports) and not is_lost


def show(
    console: Console,
    record: StackRecord,
    reports: list[PartReport],
    *,
    stop: str,
    model: Finding | None = None,
) -> None:
    """The one screen: the page, the parts, how to stop. `model`: the language model, a part of this
    machine or elsewhere."""
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for heading, justify in (("part", "left"), ("state", "left"), ("pid", "right")):
        table.add_column(heading, justify=justify, no_wrap=True)  # type: ignore[arg-type]
    table.add_column("port")
    table.add_column("memory", justify="right")
    table.add_column("restarts", justify="right")
    table.add_column("")
    for report in reports:
        color = _COLORS.get(report.state, "yellow")
        table.add_row(
            report.name,
            f"[{color}]{report.state}[/]",
            str(report.pid or ""),
            ", ".join(map(str, report.ports)),
            f"{report.memory_mb:.0f} MB",
            str(report.restarts or ""),
            report.detail.replace("[", r"\["),
        )
    if model is not None and not any(report.name == MODEL_PART for report in reports):
        table.add_row(MODEL_PART, _MODEL_STATES[model.level])
    headline = "Parley is running" if are_well(reports, model) else "Parley is not well"
    console.print(f"\n{headline}. Open [bold]{record.page_url}[/]\n", highlight=False)
    if record.app not in ("", DEFAULT_APP) or record.apps:
        others = "".join(f", {name}: {app}" for name, app in record.apps.items())
        console.print(f"app: {record.app}{others}\n", highlight=False, markup=False)
    console.print(table)
    if model is not None:  # beside the table: what it says is longer than a column is wide
        remedy = f"\n  → {model.remedy}" if model.remedy else ""
        text = f"\nlanguage model: {model.detail}{remedy}"
        console.print(text, markup=False, highlight=False, soft_wrap=True)
    memory_mb = sum(report.memory_mb for report in reports)
    console.print(f"\nmemory in all: {memory_mb:.0f} MB\n{stop}", highlight=False, markup=False)

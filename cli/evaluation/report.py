"""What came of scripted conversations: a document, and a table of it."""

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, JsonValue
from rich.console import Console
from rich.table import Table

Status = Literal["passed", "failed", "skipped"]

_MARKS = {"passed": "[green]✓[/]", "failed": "[red]✗[/]", "skipped": "[yellow]–[/]"}


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class Check(_Model):
    """One thing that was expected; `detail` says what was found instead, or why it is skipped."""

    name: str
    status: Status
    detail: str = ""


class CalledTool(_Model):
    """A call that the agent made."""

    name: str
    arguments: dict[str, JsonValue]
    outcome: str = ""


class TurnResult(_Model):
    """One answer. `first_s`: to the first text, or by voice to the first sound; None: none came."""

    say: str
    said: str = ""
    tools: tuple[CalledTool, ...] = ()
    first_s: float | None = None
    checks: tuple[Check, ...] = ()


class ConversationReport(_Model):
    """One conversation; `error` says why it could not be held to its end."""

    name: str
    turns: tuple[TurnResult, ...] = ()
    error: str | None = None


class EvalReport(_Model):
    """The whole run."""

    file: str
    app: str
    mode: Literal["text", "voice"]
    conversations: tuple[ConversationReport, ...] = ()

    def count(self, status: Status) -> int:
        return sum(
            check.status == status
            for conversation in self.conversations
            for turn in conversation.turns
            for check in turn.checks
        )

    @property
    def ok(self) -> bool:
        """Nothing failed, and every conversation was held to its end."""
        held = all(conversation.error is None for conversation in self.conversations)
        return held and not self.count("failed")

    def document(self) -> dict[str, Any]:
        counts: dict[str, int] = {
            "passed": self.count("passed"),
            "failed": self.count("failed"),
            "skipped": self.count("skipped"),
        }
        return {"ok": self.ok, **counts, **self.model_dump(mode="json")}


def show(console: Console, report: EvalReport) -> None:
    """A table per conversation, and a sentence."""
    for conversation in report.conversations:
        table = Table(title=conversation.name, title_justify="left", box=None, pad_edge=False)
        for heading in ("said to it", "answered", "s", "checks"):
            table.add_column(heading, overflow="fold")
        for turn in conversation.turns:
            first = "" if turn.first_s is None else f"{turn.first_s:.2f}"
            table.add_row(_plain(turn.say), _plain(turn.said), first, _checks(turn.checks))
        console.print(table)
        if conversation.error is not None:
            console.print(f"[red]✗[/] {_plain(conversation.error)}", highlight=False)
        console.print()
    counts = [f"{report.count(s)} {s}" for s in ("passed", "failed", "skipped")]
    broken = sum(conversation.error is not None for conversation in report.conversations)
    ended = f"; {broken} of {len(report.conversations)} conversations broke off" if broken else ""
    console.print(f"{', '.join(counts)}{ended}", highlight=False)


def _checks(checks: Sequence[Check]) -> str:
    return "\n".join(
        f"{_MARKS[check.status]} {_plain(check.name)}"
        + (f": {_plain(check.detail)}" if check.detail and check.status != "passed" else "")
        for check in checks
    )


def _plain(text: str) -> str:
    return text.replace("[", r"\[")

"""What `./run chat` shows: for people in a terminal, or a JSON object per event for programs."""

import json
import re
from dataclasses import asdict
from typing import Any, Protocol, TextIO

from rich.console import Console

from parley.app.events import (
    ApprovalPending,
    Clarification,
    Error,
    Event,
    Filler,
    Handoff,
    Progress,
    Results,
    TextDelta,
    ToolFinished,
    ToolStarted,
)

LONGEST_RESULT = 300
"""Characters of a tool's result in a terminal."""


class View(Protocol):
    """Is told what happens, in its order."""

    def began(self, *, session_id: str, app: str, agent: str) -> None: ...

    def prompt(self) -> None:
        """The person is to type."""
        ...

    def person(self, text: str, *, echo: bool) -> None:
        """What the person said; `echo`: nobody has seen it being typed."""
        ...

    def greeting(self, text: str) -> None: ...

    def event(self, event: Event) -> None: ...

    def answered(self, *, interrupted: bool, first_text_s: float | None, took_s: float) -> None: ...

    def note(self, text: str) -> None:
        """Something beside the conversation: a server that is away, a store that failed."""
        ...


class TerminalView:
    """Streams the text; everything that is not said to the person is dimmed."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._mid_line = False

    def began(self, *, session_id: str, app: str, agent: str) -> None:
        self._dim(f"{agent} ({app}), session {session_id}; /quit or Ctrl-D ends")

    def prompt(self) -> None:
        self._break()
        if self._console.is_terminal:
            self._console.print("[bold]you>[/] ", end="", highlight=False)

    def person(self, text: str, *, echo: bool) -> None:
        if echo:
            self._break()
            self._console.print(f"you> {text}", markup=False, highlight=False, soft_wrap=True)

    def greeting(self, text: str) -> None:
        self._say(text)
        self._break()

    def event(self, event: Event) -> None:
        match event:
            case TextDelta(text):
                self._say(text)
            case Filler(text):
                self._dim(f"… {text}")
            case ToolStarted(name=name, arguments=arguments):
                self._dim(f"→ {name}({_arguments(arguments)})")
            case ToolFinished():
                self._dim(
                    f"← {event.name} {event.outcome} after {event.took_s:.2f} s: "
                    f"{_shortened(event.result)}"
                )
            case Progress(message, share):
                self._dim(message if share is None else f"{message} ({share:.0%})")
            case Clarification(question, options):
                self._say(f"{question} ({', '.join(options)})" if options else question)
            case Results(items):
                for item in items:
                    self._dim(f"• {json.dumps(dict(item), ensure_ascii=False)}")
            case Handoff(agent):
                self._dim(f"{agent} takes over")
            case ApprovalPending(_, tool, arguments):
                self._dim(f"{tool}({_arguments(arguments)}) needs approval")
            case Error(code, message):
                self._break()
                self._console.print(f"{code}: {message}", style="red", markup=False)

    def answered(self, *, interrupted: bool, first_text_s: float | None, took_s: float) -> None:
        self._break()
        if interrupted:
            self._dim("— interrupted")
        elif first_text_s is not None:
            self._dim(f"({first_text_s:.2f} s to the first word)")

    def note(self, text: str) -> None:
        self._dim(text)

    def _say(self, text: str) -> None:
        if not self._mid_line:
            text = text.lstrip()
        if text:
            self._console.print(text, end="", markup=False, highlight=False, soft_wrap=True)
            self._mid_line = not text.endswith("\n")

    def _dim(self, text: str) -> None:
        self._break()
        self._console.print(f"  {text}", style="dim", markup=False, highlight=False, soft_wrap=True)

    def _break(self) -> None:
        if self._mid_line:
            self._console.print()
        self._mid_line = False


class JsonView:
    """One object a line; `type` is the event's name, as in `text_delta` and `tool_finished`."""

    def __init__(self, to: TextIO) -> None:
        self._to = to

    def began(self, *, session_id: str, app: str, agent: str) -> None:
        self._write("session", session_id=session_id, app=app, agent=agent)

    def prompt(self) -> None:
        """Programs need none."""

    def person(self, text: str, *, echo: bool) -> None:
        self._write("person", text=text)

    def greeting(self, text: str) -> None:
        self._write("greeting", text=text)

    def event(self, event: Event) -> None:
        name = re.sub(r"(?<!^)(?=[A-Z])", "_", type(event).__name__).lower()
        self._write(name, **asdict(event))

    def answered(self, *, interrupted: bool, first_text_s: float | None, took_s: float) -> None:
        first = None if first_text_s is None else round(first_text_s, 3)
        self._write(
            "answered", interrupted=interrupted, first_text_s=first, took_s=round(took_s, 3)
        )

    def note(self, text: str) -> None:
        self._write("note", text=text)

    def _write(self, kind: str, **content: Any) -> None:
        line = json.dumps({"type": kind, **content}, ensure_ascii=False, default=str)
        self._to.write(f"{line}\n")
        self._to.flush()


def _arguments(arguments: Any) -> str:
    return ", ".join(
        f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in arguments.items()
    )


def _shortened(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_RESULT else f"{line[: LONGEST_RESULT - 1]}…"

"""The second half of docs/command-line.md: every command with its options, from their parsers."""

from collections.abc import Iterator
from pathlib import Path

from cli.main import COMMANDS
from cli.usage import CommandUsage, usages
from parley import paths

PAGE = Path("docs/command-line.md")
MARK = "<!-- What follows is written by `./run docs`, from the commands; what is above is not. -->"
_HELP = "--help"


def page() -> str:
    """The page as it should be: what people wrote of it, and the commands."""
    written = (paths.repository() / PAGE).read_text(encoding="utf-8")
    return "\n".join([f"{written.partition(MARK)[0]}{MARK}\n", *_commands()])


def _commands() -> Iterator[str]:
    yield "## Every command\n"
    for command in usages():
        shown = f"./run {command.name} {COMMANDS[command.name].usage}".rstrip()
        yield f"### `{shown}`\n"
        summary = f"{command.summary[0].upper()}{command.summary[1:]}."
        yield f"{summary} {command.description}".rstrip() + "\n"
        yield from _table(command)
        for inner in command.below:
            operands = " ".join(operand.shown for operand in inner.operands)
            yield f"#### `./run {inner.name} {operands}".rstrip() + "`\n"
            yield f"{inner.summary[0].upper()}{inner.summary[1:]}.\n"
            yield from _table(inner)


def _table(command: CommandUsage) -> Iterator[str]:
    rows = [(operand.shown, operand.meaning) for operand in command.operands]
    for option in command.options:
        if _HELP not in option.names:
            names = ", ".join(option.names)
            rows.append((f"{names} {option.value}".rstrip(), option.meaning))
    if rows:
        yield "| | |\n|---|---|"
        yield from (f"| `{_cell(shown)}` | {_cell(meaning)} |" for shown, meaning in rows)
        yield ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")

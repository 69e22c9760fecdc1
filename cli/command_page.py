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
        yield f"{_about(command)}\n"
        yield from _table(command)
        for inner in command.below:
            operands = " ".join(operand.shown for operand in inner.operands)
            yield f"#### `./run {inner.name} {operands}".rstrip() + "`\n"
            yield f"{_sentence(inner.summary)}\n"
            yield from _table(inner)


def _about(command: CommandUsage) -> str:
    """What it says of itself, or where that begins anew with its name, what the module says."""
    told = command.description
    if told.startswith(f"`./run {command.name}"):
        return _sentence(told.partition(": ")[2])
    return f"{_sentence(command.summary)} {told}".rstrip()


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:].rstrip('.')}."


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

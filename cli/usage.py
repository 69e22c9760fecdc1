"""What each command takes, read from its parser: for completion and for docs/command-line.md."""

import argparse
import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cli.main import COMMANDS, Command
from parley.arguments import CommandParser


@dataclass(frozen=True)
class OptionUsage:
    """`value` is what the option takes, as help has it; empty: nothing."""

    names: tuple[str, ...]
    meaning: str
    value: str = ""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class OperandUsage:
    """What stands by itself; `choices` are those that a shell offers."""

    shown: str
    meaning: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class CommandUsage:
    """A command, or one within a command: its `words` are ("voices", "load")."""

    words: tuple[str, ...]
    summary: str
    description: str = ""
    options: tuple[OptionUsage, ...] = ()
    operands: tuple[OperandUsage, ...] = ()
    below: tuple["CommandUsage", ...] = ()

    @property
    def name(self) -> str:
        return " ".join(self.words)


def usages(commands: Mapping[str, Command] = COMMANDS) -> Iterator[CommandUsage]:
    """Of every command, in the order of help. One whose libraries are not installed yet, for only
    developers need them, has no options here."""
    for name, command in commands.items():
        try:
            parser = parser_of(command)
        except ModuleNotFoundError:
            yield CommandUsage((name,), command.summary)
        else:
            yield _usage((name,), command.summary, parser)


def parser_of(command: Command) -> CommandParser:
    """Raises ModuleNotFoundError."""
    parser: CommandParser = importlib.import_module(command.module).make_parser()
    return parser


def _usage(words: tuple[str, ...], summary: str, parser: CommandParser) -> CommandUsage:
    options: list[OptionUsage] = []
    operands: list[OperandUsage] = []
    below: list[CommandUsage] = []
    for action in parser._actions:  # argparse has no public way to ask
        if isinstance(action, argparse._SubParsersAction):
            told = {each.dest: each.help or "" for each in action._choices_actions}
            below += [
                _usage((*words, name), told[name], inner) for name, inner in action.choices.items()
            ]
        elif action.help == argparse.SUPPRESS:
            continue
        elif action.option_strings:
            names = tuple(sorted(action.option_strings, key=len, reverse=True))
            value = "" if action.nargs == 0 else _shown(action)
            options.append(OptionUsage(names, _meaning(parser, action), value, _choices(action)))
        else:
            choices = _choices(action) or parser.suggested.get(action.dest, ())
            operands.append(OperandUsage(_repeated(action), _meaning(parser, action), choices))
    description = " ".join((parser.description or "").split())
    return CommandUsage(words, summary, description, tuple(options), tuple(operands), tuple(below))


def _choices(action: argparse.Action) -> tuple[str, ...]:
    return tuple(map(str, action.choices or ()))


def _meaning(parser: CommandParser, action: argparse.Action) -> str:
    """Its help with defaults written out, in one line."""
    text = parser._get_formatter()._expand_help(action) if action.help else ""
    return " ".join(text.split())


def _shown(action: argparse.Action) -> str:
    """What it takes, as help shows it: its metavar, its choices, or its name."""
    if action.metavar is not None:
        return action.metavar if isinstance(action.metavar, str) else " ".join(action.metavar)
    return "|".join(_choices(action)) or action.dest.upper()


def _repeated(action: argparse.Action) -> str:
    shown = _shown(action)
    forms = {"?": f"[{shown}]", "*": f"[{shown}...]", "+": f"{shown}..."}
    return forms.get(str(action.nargs), shown)

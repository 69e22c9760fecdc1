"""`./run completion bash|zsh|fish`: what a shell completes of all commands."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from cli.usage import CommandUsage, OptionUsage, usages
from parley.arguments import CommandParser

PROGRAM = "run"
"""What shells know `./run` by, wherever the checkout is."""


def main(arguments: list[str]) -> int:
    shell = make_parser().parse_args(arguments).shell
    print("\n".join(SHELLS[shell](tuple(usages()))))
    return 0


def make_parser() -> CommandParser:
    parser = CommandParser(
        prog="./run completion",
        description="Prints what a shell needs to complete commands, options and their values; "
        "docs/command-line.md says where to put it.",
    )
    parser.add_argument("shell", choices=tuple(SHELLS), help="the shell that is to complete")
    return parser


def bash(commands: Sequence[CommandUsage]) -> Iterator[str]:
    """A function of bash-completion's kind; where it has nothing to offer, bash offers files."""
    within = list(_within(commands))
    yield from (
        "# Completion of ./run for bash, made by `./run completion bash`: source it, or keep it as",
        f"# ~/.local/share/bash-completion/completions/{PROGRAM}.",
        "_parley_run() {",
        "  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}",
        '  local command=${COMP_WORDS[1]-} words=""',
        "  if ((COMP_CWORD == 1)); then",
        f"    words={_quoted(' '.join(command.name for command in commands))}",
        "  else",
        '    if ((COMP_CWORD > 2)); then case "$command ${COMP_WORDS[2]}" in',
        f'      {_patterns(_names_below(commands))}) command+=" ${{COMP_WORDS[2]}}" ;;',
        "    esac; fi",
        '    case "$command $before" in',
    )
    for command, option in _with_values(within):
        names = (f"{command.name} {name}" for name in option.names)
        words = _quoted(" ".join(option.choices))
        yield f"      {_patterns(names)}) words={words} ;;"
    yield '      *) case "$current" in'
    yield '        -*) case "$command" in'
    for command in within:
        words = " ".join(name for option in command.options for name in option.names)
        yield f"          {_quoted(command.name)}) words={_quoted(words)} ;;"
    yield "        esac ;;"
    yield '        *) case "$command" in'
    for command in within:
        if offered := _offered(command):
            yield f"          {_quoted(command.name)}) words={_quoted(' '.join(offered))} ;;"
    yield from (
        "        esac ;;",
        "      esac ;;",
        "    esac",
        "  fi",
        '  COMPREPLY=($(compgen -W "$words" -- "$current"))',
        "}",
        f"complete -o bashdefault -o default -F _parley_run {PROGRAM}",
    )


def zsh(commands: Sequence[CommandUsage]) -> Iterator[str]:
    """A function for compinit, with what each word is for beside it."""
    within = list(_within(commands))
    yield from (
        f"#compdef {PROGRAM}",
        "# Completion of ./run for zsh, made by `./run completion zsh`: keep it as _run in a",
        "# folder of $fpath, or source it after compinit.",
        f"compdef _{PROGRAM} {PROGRAM}",
        f"_{PROGRAM}() {{",
        "  local command=${words[2]-} before=${words[CURRENT-1]}",
        "  local -a offered options",
        "  if ((CURRENT == 2)); then",
        f"    offered=({_described({command.name: command.summary for command in commands})})",
        "    _describe command offered",
        "    return",
        "  fi",
        '  if ((CURRENT > 3)); then case "$command ${words[3]}" in',
        f'    ({_patterns(_names_below(commands))}) command+=" ${{words[3]}}" ;;',
        "  esac; fi",
        '  case "$command $before" in',
    )
    for command, option in _with_values(within):
        names = _patterns(f"{command.name} {name}" for name in option.names)
        if option.choices:
            values = " ".join(map(_quoted, option.choices))
            yield f"    ({names}) offered=({values}); _describe value offered; return ;;"
        else:
            yield f"    ({names}) _files; return ;;"
    yield "  esac"
    yield '  case "$command" in'
    for command in within:
        options = {name: option.meaning for option in command.options for name in option.names}
        yield f"    ({_quoted(command.name)}) options=({_described(options)})"
        if offered := _offered(command):
            yield f"      offered=({_described(offered)})"
        yield "      ;;"
    yield from (
        "  esac",
        '  if [[ "${words[CURRENT]}" == -* ]]; then _describe option options',
        "  elif (($#offered)); then _describe word offered",
        "  else _files; fi",
        "}",
        f'if [ "$funcstack[1]" = "_{PROGRAM}" ]; then _{PROGRAM}; fi',
    )


def fish(commands: Sequence[CommandUsage]) -> Iterator[str]:
    """One `complete` for each word; where there is none, fish offers files."""
    yield from (
        "# Completion of ./run for fish, made by `./run completion fish`: source it, or keep it as",
        f"# ~/.config/fish/completions/{PROGRAM}.fish.",
        "function __parley_run_is",
        "  set -l typed (commandline -opc)",
        "  set -l last (math 1 + (count $argv))",
        '  test "$typed[2..$last]" = "$argv"',
        "end",
    )
    complete = f"complete -c {PROGRAM}"
    for command in commands:
        told = f"-a {_in_fish(command.name)} -d {_in_fish(command.summary)}"
        yield f"{complete} -f -n __fish_use_subcommand {told}"
    for command in _within(commands):
        is_it = f"__parley_run_is {command.name}"
        first = f"{is_it}; and test (count (commandline -opc)) -eq {1 + len(command.words)}"
        for word, meaning in _offered(command).items():
            told = f"-a {_in_fish(word)} -d {_in_fish(meaning)}"
            yield f"{complete} -f -n {_in_fish(first)} {told}"
        for option in command.options:
            names = (
                f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}"
                for name in option.names
            )
            value = ["-r"] if option.value else []
            if option.choices:
                value = ["-x", "-a", _in_fish(" ".join(option.choices))]
            meaning = f"-d {_in_fish(option.meaning)}"
            yield " ".join((complete, "-n", _in_fish(is_it), *names, *value, meaning))


SHELLS: Mapping[str, Callable[[Sequence[CommandUsage]], Iterator[str]]] = MappingProxyType(
    {"bash": bash, "zsh": zsh, "fish": fish}
)


def _within(commands: Iterable[CommandUsage]) -> Iterator[CommandUsage]:
    """The commands, and those within them."""
    for command in commands:
        yield command
        yield from command.below


def _names_below(commands: Iterable[CommandUsage]) -> list[str]:
    return [inner.name for command in commands for inner in command.below]


def _with_values(
    commands: Iterable[CommandUsage],
) -> Iterator[tuple[CommandUsage, OptionUsage]]:
    for command in commands:
        yield from ((command, option) for option in command.options if option.value)


def _offered(command: CommandUsage) -> dict[str, str]:
    """The words that may stand by themselves, and what each is."""
    offered = {inner.words[-1]: inner.summary for inner in command.below}
    return offered | {
        choice: operand.meaning for operand in command.operands for choice in operand.choices
    }


def _patterns(names: Iterable[str]) -> str:
    """For `case`; one that nothing matches where there are none."""
    return " | ".join(map(_quoted, names)) or "''"


def _described(words: Mapping[str, str]) -> str:
    """For zsh's _describe: a word and its meaning, parted by a colon."""
    words = {word.replace(":", r"\:"): meaning for word, meaning in words.items()}
    return " ".join(_quoted(f"{word}:{meaning}") for word, meaning in words.items())


def _quoted(text: str) -> str:
    """One word of bash and zsh, whatever is in it."""
    escaped = text.replace("'", "'\\''")
    return f"'{escaped}'"


def _in_fish(text: str) -> str:
    """One word of fish, whatever is in it."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"

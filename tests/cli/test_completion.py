"""What shells complete of `./run`, asked of the shells themselves."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from cli.completion import SHELLS
from cli.main import COMMANDS, Command
from cli.usage import CommandUsage, usages

ASK = {
    "bash": (
        'source "$0"; COMP_WORDS=(run "$@"); COMP_CWORD=$#; _parley_run; '
        'printf "%s\\n" "${COMPREPLY[@]}"'
    ),
    # What zsh's completion calls, where no terminal is: the words of the array that is named.
    "zsh": (
        "compdef() { }; _files() { }; _describe() { print -l -- ${${(P)2}%%:*} }; "
        'source "$0"; words=(run "$@"); CURRENT=$(($# + 1)); _run'
    ),
    "fish": 'source $argv[1]; complete -C "run $argv[2..]" | string split -f 1 \\t; true',
}


@pytest.fixture(scope="module")
def known() -> Sequence[CommandUsage]:
    return tuple(usages())


@pytest.fixture(scope="module")
def scripts(
    known: Sequence[CommandUsage], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("completion")
    files = {shell: folder / f"completion.{shell}" for shell in SHELLS}
    for shell, write in SHELLS.items():
        files[shell].write_text("\n".join(write(known)) + "\n", encoding="utf-8")
    return files


def completed(shell: str, script: Path, typed: Sequence[str]) -> set[str]:
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell} here")
    command = [shell, "-c", ASK[shell], str(script), *typed]
    if shell == "zsh":
        command.insert(1, "-f")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return set(done.stdout.split())


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("typed", "some", "never"),
    [
        (("",), {"up", "down", "voices", "completion"}, {"--help", "load NAME"}),
        (("up", "--"), {"--detach", "--app", "--port-offset", "--help"}, {"--json"}),
        (("voices", ""), {"list", "load", "unload", "status"}, {"--json", "create"}),
        (("voices", "unload", "--"), {"--force", "--json"}, {"--all"}),
        (("voices", "list", "--"), {"--all"}, {"--force"}),
        (("bench", ""), {"tts", "asr", "bargein"}, {"up"}),
        (("keys", "create", "--scope", ""), {"converse", "approve"}, {"--scope"}),
        (("completion", ""), {"bash", "zsh", "fish"}, {"up"}),
        (("logs", ""), {"agent", "supervisor"}, {"up"}),
    ],
)
def test_a_shell_offers_what_may_stand_there(
    shell: str,
    typed: tuple[str, ...],
    some: set[str],
    never: set[str],
    scripts: dict[str, Path],
) -> None:
    offered = completed(shell, scripts[shell], typed)
    assert some <= offered
    assert not never & offered


def test_what_is_begun_is_ended(scripts: dict[str, Path]) -> None:
    assert completed("bash", scripts["bash"], ("vo",)) == {"voices"}
    assert completed("bash", scripts["bash"], ("say", "--vo")) == {"--voice"}


def test_for_a_file_the_shell_offers_its_own(scripts: dict[str, Path]) -> None:
    for typed in (("call", ""), ("up", "--app", ""), ("say", "--save", "x")):
        assert completed("bash", scripts["bash"], typed) == set()


@pytest.mark.parametrize("shell", SHELLS)
def test_every_option_of_every_command_is_offered(
    shell: str, known: Sequence[CommandUsage], scripts: dict[str, Path]
) -> None:
    assert [command.name for command in known] == list(COMMANDS)
    assert all(command.options for command in known)
    text = scripts[shell].read_text(encoding="utf-8")
    for command in (*known, *(inner for each in known for inner in each.below)):
        for option in command.options:
            for name in option.names:
                assert (name if shell != "fish" else f"{name.lstrip('-')} ") in text


def test_a_command_whose_libraries_are_not_installed_is_offered_by_its_name() -> None:
    commands = {"measure": Command("no_such_module.measure", "", "measures")}
    assert list(usages(commands)) == [CommandUsage(("measure",), "measures")]

"""Loading a developer's app: what is found, and one sentence with file and line where it is not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from parley import Agent, paths
from parley.app.loading import AppError, AppReference, load_app
from parley.errors import ConfigurationError

AGENT = 'from parley import Agent\nagent = Agent(instructions="{}")\n'
ENGINE = """
from parley import Done, TextDelta
class Echo:
    def __init__(self, session): self.session = session
    async def respond(self, turn):
        yield TextDelta(turn.text)
        yield Done()
    async def heard(self, turn_id, text, *, interrupted): pass
"""


def app(folder: Path, text: str, name: str = "my_agent.py") -> str:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return str(file)


def refused(name: str) -> str:
    with pytest.raises(ConfigurationError) as raised:
        load_app(name)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_the_variable_agent_is_the_app(tmp_path: Path) -> None:
    file = app(tmp_path, AGENT.format("one") + 'other = Agent(instructions="two")\n')
    assert load_app(file).instructions == "one"
    assert load_app(f"{file}:other").instructions == "two"
    assert load_app(file) is load_app(file)


def test_the_only_agent_needs_no_name(tmp_path: Path) -> None:
    file = app(tmp_path, "from parley import Agent\ndesk = Agent(name='desk')\nsame = desk\n")
    assert load_app(file).name == "desk"


def test_two_apps_in_files_of_one_name_do_not_collide(tmp_path: Path) -> None:
    files = [app(tmp_path / which, AGENT.format(which), "agent.py") for which in ("a", "b")]
    assert [load_app(file).instructions for file in files] == ["a", "b"]


def test_an_app_imports_its_neighbours(tmp_path: Path) -> None:
    app(tmp_path, "WORDS = 'from beside'\n", "neighbour_of_this.py")
    file = app(
        tmp_path,
        "from parley import Agent\nimport neighbour_of_this\n"
        "agent = Agent(instructions=neighbour_of_this.WORDS)\n",
    )
    assert load_app(file).instructions == "from beside"


def test_an_engine_class_and_a_factory_are_apps(tmp_path: Path) -> None:
    file = app(tmp_path, ENGINE + "def made(session): return Echo(session)\n")
    assert (load_app(file).name, load_app(f"{file}:made").name) == ("Echo", "made")
    assert all(load_app(name).engine is not None for name in (file, f"{file}:made"))


def test_a_module_is_looked_for_where_parley_was_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app(tmp_path, AGENT.format("in a package"), "shop_of_this_test/desk.py")
    monkeypatch.setenv("PARLEY_CALLED_FROM", str(tmp_path))
    assert load_app("shop_of_this_test.desk:agent").instructions == "in a package"
    assert load_app("shop_of_this_test.desk").instructions == "in a package"


def test_relative_files_are_those_of_the_folder(tmp_path: Path) -> None:
    app(tmp_path, AGENT.format("beside"))
    assert load_app("my_agent.py", folder=tmp_path).instructions == "beside"
    assert AppReference.parse("x.py:y", folder=tmp_path).file == tmp_path / "x.py"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("from parley import Agent\nagent = Agent(\n", 2, "'(' was never closed"),
        ("import there_is_no_such\n", 1, "No module named 'there_is_no_such'; is it installed"),
        ("\n\nraise ValueError('no key')\n", 3, "ValueError: no key"),
        ("def f():\n    raise SystemExit\nf()\n", 2, "SystemExit()"),
        ("import os\n\nos.environ['NO_SUCH_KEY']\n", 3, "KeyError: 'NO_SUCH_KEY'"),
        ("from parley import Agent, tool\n@tool\ndef f(): ...\n", 2, "has no docstring"),
        (
            "from parley import Agent\ndef f(x):\n    'Does.'\nagent = Agent(tools=[f])\n",
            2,
            "parameter 'x' of tool 'f' has no annotation",
        ),
        (
            "from parley import Agent\n\nagent = Agent(tools=[print])\n",
            3,
            "<built-in function print> cannot be a tool",
        ),
        (
            "from parley import Agent\nagent = 5\n",
            2,
            "'agent' is no Agent and no engine, but of type int",
        ),
        ("def agent(): ...\n", 1, "does not take the session"),
        (ENGINE + "agent = Echo(None)\n", 9, "is one engine for all"),
    ],
)
def test_what_is_wrong_is_one_sentence_with_file_and_line(
    tmp_path: Path, text: str, line: int, said: str
) -> None:
    file = app(tmp_path, text)
    message = refused(file)
    assert message.startswith(f"{file}:{line}: ")
    assert said in message


def test_an_error_in_a_neighbour_names_the_neighbour(tmp_path: Path) -> None:
    broken = app(tmp_path, "X = 1\nY = X / 0\n", "broken_neighbour.py")
    file = app(tmp_path, "import broken_neighbour\n")
    assert refused(file) == f"{broken}:2: ZeroDivisionError: division by zero"


def test_no_agent_several_agents_and_a_name_that_is_not_there(tmp_path: Path) -> None:
    empty = app(tmp_path, "x = 1\n", "empty.py")
    assert "there is no agent in it" in refused(empty)
    two = app(tmp_path, "from parley import Agent\na = Agent()\nb = Agent()\n", "two.py")
    assert "several agents in it (a in line 2, b in line 3)" in refused(two)
    assert "there is no 'c' in it; it has a in line 2" in refused(f"{two}:c")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("no/such/file.py", "there is no such file"),
        ("no_such_package.desk:agent", "there is no module 'no_such_package' in "),
        ("parley.no_such_module", "there is no module 'parley.no_such_module'"),
        ("path/to/folder", "is no app: name a Python file"),
        ("x.py:1y", "cannot be the name of an agent"),
        ("", "is no app"),
    ],
)
def test_a_name_that_leads_nowhere(name: str, said: str) -> None:
    assert said in refused(name)


def test_a_failed_import_is_tried_again_once_the_file_is_mended(tmp_path: Path) -> None:
    file = app(tmp_path, "raise ValueError\n")
    refused(file)
    app(tmp_path, AGENT.format("mended") + "# longer than before\n")
    assert load_app(file).instructions == "mended"


def test_what_an_app_prints_does_not_go_to_standard_output(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    load_app(app(tmp_path, "print('hello')\n" + AGENT.format("")))
    assert capsys.readouterr() == ("", "hello\n")


def test_app_errors_are_configuration_errors() -> None:
    assert issubclass(AppError, ConfigurationError)
    assert isinstance(load_app("apps.assistant:agent"), Agent)


def test_the_check_of_a_process_of_its_own_says_the_sentence(tmp_path: Path) -> None:
    file = app(tmp_path, "x = \n")
    ended = subprocess.run(
        [sys.executable, "-P", "-m", "parley.app.check", file],
        env={**os.environ, "PYTHONPATH": str(paths.repository())},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == f"parley: {file}:1: invalid syntax\n"

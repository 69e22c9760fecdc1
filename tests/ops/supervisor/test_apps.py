"""`up --app`: what it sets, what the agent is given, and an app that cannot be loaded."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from ops.doctor.configuration import check_app
from ops.doctor.finding import Level
from ops.supervisor.apps import check_apps, choose_apps
from ops.supervisor.configuration import Configuration, read_configuration
from ops.supervisor.keys import LiveKitKeys
from ops.supervisor.parts import local_parts
from ops.supervisor.processes import ProcessIdentity
from ops.supervisor.record import StackRecord
from ops.supervisor.report import as_json, show
from parley import paths
from parley.app.configured import load_configured
from parley.app.loading import AppError
from parley.errors import ConfigurationError
from testkit.isolated_config import write_config

AGENT = "from parley import Agent\nagent = Agent(name='desk')\n"


def configured(folder: Path, **agent: object) -> Configuration:
    configs = write_config(folder / "configs", orchestrator={"agent": agent})
    return read_configuration(configs, folder / "state")


def environments(configuration: Configuration) -> dict[str, dict[str, str]]:
    parts = local_parts(configuration, keys=LiveKitKeys("", ""), livekit_server=None)
    return {part.name: dict(part.environment) for part in parts}


def test_app_files_become_absolute_and_the_first_is_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    environ: dict[str, str] = {}
    choose_apps(["a.py", "shop=b.py:desk", "c.py", "pack.d:e"], environ)
    here = str(tmp_path)
    assert environ["PARLEY_APP"] == f"{here}/a.py"
    assert json.loads(environ["PARLEY_APPS"]) == {
        "shop": f"{here}/b.py:desk",
        "c": f"{here}/c.py",
        "e": "pack.d:e",
    }
    assert environ["PARLEY_CALLED_FROM"] == here


def test_without_app_the_settings_count() -> None:
    environ: dict[str, str] = {}
    choose_apps([], environ)
    assert list(environ) == ["PARLEY_CALLED_FROM"]


def test_two_apps_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="two are called 'b'"):
        choose_apps(["a.py", "x/b.py", "y/b.py"], {})


def test_agent_and_gateway_are_told_and_only_they_get_the_apps_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "PARLEY_APP": "/x/a.py",
        "PARLEY_APPS": '{"b": "/x/b.py"}',
        "APP_KEY": "one",
        "SHOP_KEY": "two",
        "OTHER_KEY": "three",
    }.items():
        monkeypatch.setenv(name, value)
    configuration = configured(tmp_path, environment=["SHOP_KEY"])
    assert configuration.orchestrator.agent.apps == {"b": "/x/b.py"}
    given = environments(configuration)
    assert given["agent"]["PARLEY_APP"] == given["gateway"]["PARLEY_APP"] == "/x/a.py"
    for part, environment in given.items():
        keys = {"APP_KEY", "SHOP_KEY", "OTHER_KEY"} & environment.keys()
        answers = part in ("agent", "gateway")  # by voice, and by text
        assert keys == ({"APP_KEY", "SHOP_KEY"} if answers else set())


def test_a_file_in_the_settings_is_one_of_their_folder(tmp_path: Path) -> None:
    configuration = configured(tmp_path, app="desk.py", apps={"other": "apps.assistant"})
    (configuration.config_dir / "desk.py").write_text(AGENT, encoding="utf-8")
    assert [agent.name for agent in check_apps(configuration)] == ["desk", "assistant"]
    assert check_app(configuration)[0].level is Level.OK
    settings, folder = configuration.orchestrator, configuration.config_dir
    assert load_configured(settings, config_dir=folder).name == "desk"
    assert load_configured(settings, "other").name == "assistant"
    with pytest.raises(AppError, match=r"there is no app 'x'; agent.apps has: other"):
        load_configured(settings, "x")


def test_an_app_that_needs_a_variable_is_checked_with_the_agents_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configuration = configured(tmp_path, app="desk.py")
    file = configuration.config_dir / "desk.py"
    file.write_text(f"import os\nos.environ['APP_KEY']\n{AGENT}", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=rf"^{file}:2: KeyError: 'APP_KEY'$"):
        check_apps(configuration)
    assert check_app(configuration)[0].level is Level.PROBLEM
    monkeypatch.setenv("APP_KEY", "1")
    check_apps(configuration)


def test_an_app_that_ends_its_process_is_named(tmp_path: Path) -> None:
    configuration = configured(tmp_path, app="desk.py")
    file = configuration.config_dir / "desk.py"
    file.write_text("import os\nos._exit(7)\n", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"desk.py cannot be loaded: it said nothing"):
        check_apps(configuration)


def test_up_says_what_is_wrong_with_the_app_before_anything_starts(tmp_path: Path) -> None:
    configs = write_config(tmp_path / "configs")
    (tmp_path / "broken.py").write_text("agent = 5\n", encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-P", "-m", "cli.main", "up", "--app", "broken.py"],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(paths.repository()),
            "PARLEY_CONFIG_DIR": str(configs),
            "PARLEY_STATE_DIR": str(tmp_path / "state"),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    file = (tmp_path / "broken.py").resolve()
    assert ended.stderr == f"parley: {file}:1: 'agent' is no Agent and no engine, but of type int\n"


def test_status_shows_who_answers(capsys: pytest.CaptureFixture[str]) -> None:
    identity = ProcessIdentity.of(os.getpid())
    assert identity is not None
    record = StackRecord(
        supervisor=identity, page_url="http://x", app="/x/a.py", apps={"b": "/x/b.py"}
    )
    show(Console(), record, [], stop="")
    assert "app: /x/a.py, b: /x/b.py" in capsys.readouterr().out
    document = as_json(record, [])
    assert (document["app"], document["apps"]) == ("/x/a.py", {"b": "/x/b.py"})


@pytest.mark.parametrize("value", ["no json", "[1]", '{"a": 1}'])
def test_a_wrong_variable_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("PARLEY_APPS", value)
    with pytest.raises(ConfigurationError, match=r"^environment variable PARLEY_APPS: agent\.apps"):
        configured(tmp_path)

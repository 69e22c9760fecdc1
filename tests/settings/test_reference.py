"""The settings models, the files in configs/, .env.example and docs/settings.md say the same."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from parley import paths
from parley.errors import ConfigurationError
from parley.settings.dotenv import read_dotenv
from parley.settings.reference import FILES, OTHER_VARIABLES, reference
from parley.settings.source import Section, environment_variables, fields, load

ROOT = paths.repository()


def test_docs_settings_is_what_the_models_say() -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert page == reference(), "run `python -m parley.settings.reference`"


def test_every_setting_says_what_it_is_for() -> None:
    silent = [
        f"{name}: {'.'.join(path)}"
        for name, model in FILES.items()
        for path, field in fields(model)
        if not field.description
    ]
    assert silent == []


@pytest.mark.parametrize("name", FILES)
def test_each_file_in_configs_holds_every_setting_with_its_default(name: str) -> None:
    file, model = ROOT / "configs" / name, FILES[name]
    assert issubclass(model, Section)
    assert load(model, file, environ={}) == model()
    written = yaml.safe_load(file.read_text(encoding="utf-8"))
    missing = [".".join(path) for path, _ in fields(model) if not _has(written, path)]
    assert missing == []


def test_env_example_lists_every_variable_and_no_other() -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    listed = re.findall(r"^#?([A-Z][A-Z0-9_]*)=", text, flags=re.MULTILINE)
    read = {name for model in FILES.values() for _, name in environment_variables(model)}
    assert sorted(listed) == sorted(read | set(OTHER_VARIABLES))


def test_env_example_sets_nothing_as_it_stands() -> None:
    assert read_dotenv(ROOT / ".env.example") == {}


def test_a_variable_of_env_example_that_is_switched_on_keeps_its_default(tmp_path: Path) -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    file = tmp_path / ".env"
    file.write_text(re.sub(r"^#([A-Z][A-Z0-9_]*=)", r"\1", text, flags=re.MULTILINE))
    environ = read_dotenv(file)
    for name, model in FILES.items():
        assert issubclass(model, Section)
        assert load(model, tmp_path / name, environ=environ) == model()


def test_dotenv_takes_comments_quotes_and_exports_and_expands_nothing(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("# x\n\nexport A=1\nB='two words'  \nC=\"#3\"\nD=$(date) # now\nE=\nF = a=b\n")
    assert read_dotenv(file) == {
        "A": "1",
        "B": "two words",
        "C": "#3",
        "D": "$(date)",
        "E": "",
        "F": "a=b",
    }


@pytest.mark.parametrize("content", [b"A=1\nhunter2\n", b"A=1\n=hunter2\n", b"A=1\n\xff=hunter2\n"])
def test_a_malformed_dotenv_is_named_without_its_value(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / ".env"
    file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=re.escape(str(file))) as error:
        read_dotenv(file)
    assert "hunter2" not in str(error.value)


def _has(values: Any, path: tuple[str, ...]) -> bool:
    for key in path:
        if not isinstance(values, dict) or key not in values:
            return False
        values = values[key]
    return True

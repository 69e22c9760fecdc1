"""`./run secrets` writes what nobody else can read or guess, once."""

import re
import stat
from pathlib import Path

import pytest

from cli import secrets
from ops import production_file
from parley import paths
from parley.errors import ConfigurationError
from parley.settings.dotenv import read_dotenv

TEMPLATE = production_file.TEMPLATE
GIVEN = ["--domain", "talk.example.org", "--email", "you@example.org", "--address", "203.0.113.7"]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with the template alone."""
    (tmp_path / TEMPLATE).write_bytes((paths.repository() / TEMPLATE).read_bytes())
    return tmp_path


def test_it_is_complete_for_its_owner_alone_and_never_the_same(checkout: Path) -> None:
    assert secrets.main(GIVEN, folder=checkout) == 0
    file = checkout / production_file.FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    first = read_dotenv(file)
    assert all(first.values()), "something is empty"
    assert first["PARLEY_DOMAIN"] == "talk.example.org"
    for name in ("LIVEKIT_API_SECRET", "REDIS_PASSWORD", "OPERATOR_KEY", "GRAFANA_ADMIN_PASSWORD"):
        assert re.fullmatch(r"[0-9a-f]{64}", first[name])
    file.unlink()
    assert secrets.main(GIVEN, folder=checkout) == 0
    second = read_dotenv(file)
    assert {name for name in first if first[name] != second[name]} == set(
        production_file.made_secrets()
    )


def test_one_that_is_there_is_never_overwritten(checkout: Path) -> None:
    file = checkout / production_file.FILE
    file.write_text("REDIS_PASSWORD=ours\n")
    with pytest.raises(ConfigurationError, match="is there already"):
        secrets.main(GIVEN, folder=checkout)
    assert file.read_text() == "REDIS_PASSWORD=ours\n"


def test_what_was_not_given_is_named(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert secrets.main([], folder=checkout) == 0
    assert "set in it: PARLEY_DOMAIN, ACME_EMAIL, NODE_IP" in capsys.readouterr().out


@pytest.mark.parametrize(
    "wrong",
    [
        ["--domain", "https://x.org"],
        ["--domain", "a b"],
        ["--email", "nobody"],
        ["--address", "here"],
        ["--domain", "x.org\nOPENAI_API_KEY=stolen"],
    ],
)
def test_what_can_be_no_value_is_refused(checkout: Path, wrong: list[str]) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(wrong[0])):
        secrets.main(wrong, folder=checkout)
    assert not (checkout / production_file.FILE).exists()


def test_the_template_has_no_secret_of_its_own() -> None:
    template = read_dotenv(paths.repository() / TEMPLATE)
    assert {template[name] for name in production_file.made_secrets()} == {""}

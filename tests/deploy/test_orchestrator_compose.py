"""docker-compose.orchestrator.yml: its ports, its rights, and that its variables are read."""

import re
from typing import Any

import pytest
import yaml

from parley import __version__, paths
from parley.settings import OrchestratorSettings
from parley.settings.reference import OTHER_VARIABLES
from parley.settings.source import environment_variables
from tests.deploy.dockerfile import stages

FILE = paths.repository() / "docker-compose.orchestrator.yml"
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(FILE.read_text("utf-8"))["services"]
OURS = SERVICES["orchestrator"]


def test_one_port_is_published_under_every_number_that_clients_know() -> None:
    assert OURS["ports"] == [f"127.0.0.1:{port}:8004" for port in (8004, 8700, 8000, 5777)]
    assert stages()["orchestrator"].of("EXPOSE") == ["8004 8083"]
    assert ":8004/readiness" in stages()["orchestrator"].of("HEALTHCHECK")[0]
    assert "ports" not in SERVICES["redis"]
    assert "ports" not in SERVICES["postgres"]


def test_every_variable_is_one_that_is_read() -> None:
    read = {name for _, name in environment_variables(OrchestratorSettings)}
    assert set(OURS["environment"]) <= read | set(OTHER_VARIABLES)
    assert OURS["image"].endswith(f"{__version__}}}")


@pytest.mark.parametrize("name", ["production.yaml", "intents.yaml"])
def test_the_image_has_the_files_of_the_checkout(name: str) -> None:
    root = paths.repository()
    image, checkout = root / "deploy" / "config" / name, root / "configs" / name
    assert image.read_bytes() == checkout.read_bytes(), f"copy configs/{name} to deploy/config"


@pytest.mark.parametrize("name", SERVICES)
def test_nobody_has_a_right_that_they_do_not_need(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service["user"].startswith("0")
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}
    assert re.fullmatch(r"[\w./-]+:(\d|\$)[^ ]*", service["image"])

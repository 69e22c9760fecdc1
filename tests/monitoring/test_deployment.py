"""The monitoring stack as it is shipped: what it reads is there, and nobody else can reach it."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from parley import paths
from tests.monitoring.conftest import Run

ROOT = paths.repository()
FOLDER = ROOT / "monitoring"
COMPOSE = yaml.safe_load((ROOT / "docker-compose.monitoring.yml").read_text("utf-8"))
SERVICES = COMPOSE["services"]
PORTS = {"prometheus": 9090, "alertmanager": 9093, "grafana": 3000}


def read(file: Path) -> Any:
    return yaml.safe_load(file.read_text("utf-8"))


@pytest.mark.parametrize("name", ["prometheus.yml", "prometheus.local.yml"])
def test_prometheus_takes_its_configuration(promtool: Run, name: str) -> None:
    promtool("check", "config", str(FOLDER / name))


def test_on_one_machine_and_on_many_the_same_parts_are_asked() -> None:
    local, many = (read(FOLDER / name) for name in ("prometheus.local.yml", "prometheus.yml"))
    assert local["rule_files"] == many["rule_files"]

    def ports(config: Any) -> dict[str, int]:
        found = {}
        for job in config["scrape_configs"]:
            for by_name in job.get("dns_sd_configs", []):
                found[job["job_name"]] = by_name["port"]
            for fixed in job.get("static_configs", []):
                found[job["job_name"]] = int(fixed["targets"][0].rpartition(":")[2])
        return found

    assert ports(many) == ports(local) | {"prometheus": 9090}
    assert ports(local) == {
        "agent": 8081,
        "tts": 9091,
        "asr": 9092,
        "gateway": 8082,
        "orchestrator": 8083,
    }


def test_alerts_go_to_receivers_that_there_are() -> None:
    config = read(FOLDER / "alertmanager.yml")
    receivers = {receiver["name"] for receiver in config["receivers"]}
    routes = [config["route"], *config["route"]["routes"]]
    assert {route["receiver"] for route in routes} <= receivers


def test_the_three_are_pinned_and_limited_and_have_no_rights_that_they_do_not_need() -> None:
    assert set(SERVICES) == set(PORTS)
    for name, service in SERVICES.items():
        assert re.fullmatch(r"[a-z]+/[a-z]+:v?\d+\.\d+\.\d+", service["image"]), name
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert "no-new-privileges:true" in service["security_opt"]
        assert service["healthcheck"]["test"][0] == "CMD"
        assert service["deploy"]["resources"]["limits"]
        assert service["logging"]["options"] == {"max-size": "100m", "max-file": "10"}
        assert not service["user"].startswith("0"), name


def test_only_this_machine_reaches_them() -> None:
    for name, port in PORTS.items():
        assert SERVICES[name]["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert COMPOSE["networks"]["internal"] == {"internal": True}


def test_prometheus_keeps_thirty_days_and_no_more_than_a_size() -> None:
    command = SERVICES["prometheus"]["command"]
    assert "--storage.tsdb.retention.time=30d" in command
    assert any(re.match(r"--storage\.tsdb\.retention\.size=.*\d+GB", each) for each in command)


def test_grafana_has_no_password_of_its_own() -> None:
    environment = SERVICES["grafana"]["environment"]
    assert environment["GF_SECURITY_ADMIN_PASSWORD"].startswith("${GRAFANA_ADMIN_PASSWORD:?")
    assert environment["GF_AUTH_ANONYMOUS_ENABLED"] == "false"


def test_what_the_services_read_is_in_the_checkout() -> None:
    mounted = {}
    for service in SERVICES.values():
        for volume in service["volumes"]:
            source, target, *how = volume.split(":")
            if source.startswith("."):
                assert (ROOT / source).exists(), source
                assert how == ["ro"], volume
                mounted[target] = ROOT / source
            else:
                assert source in COMPOSE["volumes"]
    for name in read(FOLDER / "prometheus.yml")["rule_files"]:
        assert mounted[f"/etc/prometheus/{name}"] == FOLDER / name
    provider = read(FOLDER / "grafana" / "provisioning" / "dashboards" / "parley.yml")
    folder = provider["providers"][0]["options"]["path"]
    assert len(list(mounted[folder].glob("*.json"))) == 4


def test_the_dashboards_ask_the_datasource_that_is_provisioned() -> None:
    (source,) = read(FOLDER / "grafana" / "provisioning" / "datasources" / "prometheus.yml")[
        "datasources"
    ]
    assert source["url"] == "http://prometheus:9090"
    for file in (FOLDER / "grafana" / "dashboards").glob("*.json"):
        used = set(
            re.findall(r'"datasource": \{\s*"type": "(\w+)",\s*"uid": "(\w+)"', file.read_text())
        )
        assert used == {(source["type"], source["uid"])}, file.name

"""docker-compose.prod.yml: what starts, with which rights, and that nothing in it is made up."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli import secrets
from ops import production_file
from ops.llm_choice import Room
from ops.supervisor.parts import PART_NAMES
from ops.toolchain.livekit_server import RELEASE
from parley import __version__
from parley.settings import OrchestratorSettings, WorkerSettings, load_orchestrator, load_worker
from parley.settings.orchestrator import SMALL_LLM
from parley.settings.reference import OTHER_VARIABLES
from parley.settings.source import environment_variables
from tests.deploy.composed import FILE, ROOT, TEMPLATE, VALUES, env_file, render, variables
from tests.deploy.conftest import Tool
from tests.deploy.dockerfile import stages

CONFIG = ROOT / "deploy" / "config"
MODELS = ("models", "models-llm")
WORKERS = ("tts", "tts-cosyvoice", "asr", *MODELS)
OURS = ("agent", "gateway", "chat", "llm", *WORKERS)
OTHERS = ("redis", "livekit", "caddy")
RUNNING = tuple(name for name in (*OURS, *OTHERS) if name not in MODELS)


@pytest.fixture(scope="module")
def services(compose: Tool, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    found: dict[str, Any] = render(compose, tmp_path_factory.mktemp("env"))["services"]
    return found


def test_the_services_are_the_parts_of_the_supervisor_and_what_they_stand_on(
    services: dict[str, Any],
) -> None:
    assert set(services) == {*OURS, *OTHERS}
    assert set(PART_NAMES) <= set(services)
    for name in MODELS:
        assert services[name]["build"]["target"] == "models"


@pytest.mark.parametrize("missing", sorted(set(VALUES) - {"GRAFANA_ADMIN_PASSWORD"}))
def test_without_a_secret_nothing_starts_and_one_sentence_says_why(
    compose: Tool, tmp_path: Path, missing: str
) -> None:
    file = env_file(tmp_path, **{missing: ""})
    done = compose("--env-file", file, "-f", FILE, "config", "-q", env={"PATH": ""})
    assert done.returncode != 0
    (line,) = done.stderr.strip().splitlines()
    assert f"required variable {missing} is missing a value" in line
    assert "--env-file .env.prod" in line


def test_compose_would_not_take_a_mistake(compose: Tool, tmp_path: Path) -> None:
    file = tmp_path / "docker-compose.yml"
    file.write_text(FILE.read_text("utf-8").replace("cap_drop:", "cap_dorp:", 1))
    done = compose("--env-file", env_file(tmp_path), "-f", file, "config", "-q", env={"PATH": ""})
    assert done.returncode != 0 and "cap_dorp" in done.stderr


def test_the_file_that_is_written_starts_piper_and_a_model_of_our_own(
    compose: Tool, tmp_path: Path
) -> None:
    (tmp_path / TEMPLATE.name).write_bytes(TEMPLATE.read_bytes())
    given = ["--domain", "localhost", "--email", "you@example.org", "--address", "127.0.0.1"]
    assert secrets.main(given, folder=tmp_path) == 0
    command = ["--env-file", tmp_path / production_file.FILE, "-f", FILE, "config", "--services"]
    done = compose(*command, env={"PATH": ""})
    expected = {*OURS, *OTHERS} - {"tts-cosyvoice", "chat"}
    assert set(done.stdout.split()) == expected, done.stderr


def test_the_profile_of_cosyvoice_starts_its_worker_in_place_of_piper_s(
    compose: Tool, tmp_path: Path
) -> None:
    chosen = {"ADAPTER_TYPE": "cosyvoice", "DEFAULT_MODEL": "ann"}
    file = env_file(tmp_path, COMPOSE_PROFILES="cosyvoice", **chosen)
    done = compose("--env-file", file, "-f", FILE, "config", "--format", "json", env={"PATH": ""})
    assert done.returncode == 0, done.stderr
    started = json.loads(done.stdout)["services"]
    assert set(started) == {*OURS, *OTHERS} - {"tts", "llm", "models-llm", "chat"}
    worker = started["tts-cosyvoice"]
    assert worker["environment"]["ADAPTER_TYPE"] == "cosyvoice"
    for name in ("tts-cosyvoice", "agent", "gateway"):
        assert started[name]["environment"]["DEFAULT_MODEL"] == "ann", name
    (device,) = worker["deploy"]["resources"]["reservations"]["devices"]
    assert (device["driver"], device["capabilities"]) == ("nvidia", ["gpu"])
    assert worker["networks"]["internal"]["aliases"] == ["tts"], "agents look that name up"
    assert any(volume["target"] == "/models" for volume in worker["volumes"])
    environ = {"PARLEY_DOMAIN": "talk.example.org", **chosen}
    assert load_worker(CONFIG / "worker.yaml", environ=environ).tts.adapter == "cosyvoice"


def test_what_is_asked_for_is_what_the_template_has() -> None:
    listed = re.findall(r"^#?([A-Z][A-Z0-9_]*)=", TEMPLATE.read_text("utf-8"), re.MULTILINE)
    monitoring = variables(ROOT / "docker-compose.monitoring.yml")
    assert sorted(listed) == sorted(variables(FILE) | monitoring | {"COMPOSE_PROFILES"})


def test_every_variable_of_a_part_is_one_that_it_reads(services: dict[str, Any]) -> None:
    read = {
        "orchestrator.yaml": {name for _, name in environment_variables(OrchestratorSettings)},
        "worker.yaml": {name for _, name in environment_variables(WorkerSettings)},
    }
    for name in OURS:
        file = "worker.yaml" if name in WORKERS else "orchestrator.yaml"
        allowed = read[file] | set(OTHER_VARIABLES) | variables(CONFIG / file)
        given = set(services[name].get("environment", {}))
        if name == "models-llm":  # worker.yaml is all it reads, and its logging all it uses
            allowed &= {"ENVIRONMENT", "LOG_LEVEL", "OTEL_EXPORTER_OTLP_ENDPOINT", "HF_ENDPOINT"}
        assert given <= allowed, name
        assert variables(CONFIG / file) <= given, name


def test_the_container_chooses_its_language_model_unless_one_is_named(
    compose: Tool, tmp_path: Path, services: dict[str, Any]
) -> None:
    named = render(compose, tmp_path, LLM_LOCAL_MODEL=SMALL_LLM)["services"]
    for started, expected in ((services, "auto"), (named, SMALL_LLM)):
        for name in ("llm", "agent", "chat"):
            assert started[name]["environment"]["LLM_LOCAL_MODEL"] == expected, name
        assert started["models-llm"]["command"][-2:] == ["--llm", expected]
    settings = load_orchestrator(
        CONFIG / "orchestrator.yaml", environ=services["llm"]["environment"]
    )
    limits = services["llm"]["deploy"]["resources"]["limits"]
    room = Room(memory_bytes=int(limits["memory"]), cores=int(float(limits["cpus"])))
    assert settings.llm.local_model == "auto" and room.is_enough


def test_secrets_go_to_those_who_need_them(services: dict[str, Any]) -> None:
    holders = {
        "LIVEKIT_API_SECRET": {"agent", "gateway", "livekit"},
        "REDIS_PASSWORD": {"redis"},
        "REDIS_AGENT_PASSWORD": {"agent", "chat", "redis"},
        "REDIS_GATEWAY_PASSWORD": {"gateway", "redis"},
        "OPERATOR_KEY": {"gateway"},
    }
    for name, who in holders.items():
        secret = VALUES[name]
        assert {
            service
            for service, each in services.items()
            if any(secret in str(value) for value in (each.get("environment") or {}).values())
        } == who
    assert not any("OPENAI_API_KEY" in services[name]["environment"] for name in WORKERS)


def test_the_files_that_the_containers_read_are_settings(services: dict[str, Any]) -> None:
    environ = {"PARLEY_DOMAIN": "talk.example.org"}
    orchestrator = load_orchestrator(CONFIG / "orchestrator.yaml", environ=environ)
    worker = load_worker(CONFIG / "worker.yaml", environ={})
    for part in ("tts", "asr"):
        worker.check_reach(part)  # type: ignore[arg-type]
        section = getattr(orchestrator, part)
        port = getattr(worker, part).port
        assert section.discovery == "dns", "one address of several workers serves one of them"
        assert section.worker_address == f"{part}:{port}"
        image = stages()[part]
        assert image.of("EXPOSE") == [f"{port} {getattr(worker, part).metrics_port}"]
        assert f"grpc://127.0.0.1:{port}" in image.of("HEALTHCHECK")[0]
    server = orchestrator.server
    assert stages()["agent"].of("EXPOSE") == [f"{server.health_check_port}"]
    assert f":{server.health_check_port}/readiness" in stages()["agent"].of("HEALTHCHECK")[0]
    assert stages()["gateway"].of("EXPOSE") == [f"{server.port} {server.gateway_health_port}"]
    assert f":{server.port}/liveness" in stages()["gateway"].of("HEALTHCHECK")[0]
    assert stages()["chat"].of("EXPOSE") == [f"{server.port}"]
    assert f":{server.port}/health" in stages()["chat"].of("HEALTHCHECK")[0]
    assert stages()["llm"].of("EXPOSE") == [f"{orchestrator.llm.local_port}"]
    assert orchestrator.llm_url == "http://llm:7003/v1" and not orchestrator.llm_is_on_this_machine
    assert orchestrator.livekit.public_url == "wss://talk.example.org"
    assert orchestrator.sessions.store == "redis"
    drain_s = orchestrator.agent.drain_timeout_s
    assert _seconds(services["agent"]["stop_grace_period"]) > drain_s
    for name in ("tts", "tts-cosyvoice", "asr"):
        assert _seconds(services[name]["stop_grace_period"]) > 60


def test_several_workers_of_a_name_can_run(services: dict[str, Any]) -> None:
    for name in ("tts", "tts-cosyvoice", "asr", "agent", "gateway", "chat"):
        assert "container_name" not in services[name] and "ports" not in services[name]
    assert services["tts-cosyvoice"]["networks"]["internal"]["aliases"] == ["tts"]
    own = [each for each in services["agent"]["volumes"] if each["target"] == "/state"]
    assert "source" not in own[0], "two agents would share one scoreboard"


def test_nobody_has_a_right_that_they_do_not_need(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"] and "cap_add" not in service, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["user"] == ("999:1000" if name == "redis" else "1000:1000"), name
        assert service["init"] is True, name
        limits = service["deploy"]["resources"]["limits"]
        assert set(limits) == {"cpus", "memory", "pids"}, name
        assert service["logging"]["options"] == {"max-size": "100m", "max-file": "10"}, name
        for volume in service.get("volumes", []):
            if volume["type"] == "bind":
                assert volume["read_only"] is True and Path(volume["source"]).exists(), name


def test_limits_are_those_of_the_contract(services: dict[str, Any]) -> None:
    gigabyte = 2**30
    bounds = {
        "agent": (4, 8, 4),
        "tts": (2, 4, 2),
        "tts-cosyvoice": (8, 10, 4),
        "redis": (0.125, 0.25, 0.5),
        "caddy": (0.125, 0.25, 1),
    }
    for name, (least, most, cores) in bounds.items():
        limits = services[name]["deploy"]["resources"]["limits"]
        assert least * gigabyte <= int(limits["memory"]) <= most * gigabyte, name
        assert float(limits["cpus"]) == cores, name
    with_gpu = {
        name for name, each in services.items() if "reservations" in each["deploy"]["resources"]
    }
    assert with_gpu == {"tts-cosyvoice"}


def test_only_the_proxy_and_media_are_published(services: dict[str, Any]) -> None:
    published = {
        name: {(each["published"], each["protocol"]) for each in service["ports"]}
        for name, service in services.items()
        if "ports" in service
    }
    assert published == {
        "caddy": {("80", "tcp"), ("443", "tcp"), ("443", "udp"), ("8443", "tcp")},
        "livekit": {("7881", "tcp")} | {(str(port), "udp") for port in range(50000, 50100)},
    }
    outside = {name for name, each in services.items() if "outside" in each["networks"]}
    assert outside == {"caddy", "livekit", "agent", "chat", *MODELS}
    assert {name for name, each in services.items() if "internal" not in each["networks"]} == set(
        MODELS
    )


def test_every_service_is_watched_and_waits_for_what_it_needs(services: dict[str, Any]) -> None:
    for name in RUNNING:
        own = services[name].get("healthcheck")
        target = services[name].get("build", {}).get("target")
        assert own or stages()[target].of("HEALTHCHECK"), name
    for name, service in services.items():
        for needed, how in service.get("depends_on", {}).items():
            healthy = "service_completed_successfully" if needed in MODELS else "service_healthy"
            assert how["condition"] == healthy, (name, needed)


def test_images_are_pinned_and_livekit_is_the_one_that_is_tested(
    services: dict[str, Any],
) -> None:
    for name, service in services.items():
        image, _, tag = service["image"].partition(":")
        assert re.search(r"\d+\.\d+\.\d+", tag), name
        if image.startswith("parley-"):
            assert tag == __version__ and service["build"]["target"] == image[len("parley-") :]
    assert services["livekit"]["image"].endswith(f":v{RELEASE.version}")


@pytest.mark.parametrize(
    "name", ["docker-compose.monitoring.yml", "docker-compose.orchestrator.yml"]
)
def test_images_of_other_files_are_pinned_too(name: str) -> None:
    described = yaml.safe_load((ROOT / name).read_text("utf-8"))["services"]
    for service, each in described.items():
        assert re.search(r":(v?\d+\.\d+(\.\d+)?|\$\{PARLEY_VERSION)", each["image"]), service


def test_monitoring_joins_the_same_network(compose: Tool, tmp_path: Path) -> None:
    both = render(compose, tmp_path, FILE, ROOT / "docker-compose.monitoring.yml")
    assert both["networks"]["internal"]["internal"] is True
    assert "internal" in both["services"]["prometheus"]["networks"]
    asked = yaml.safe_load((ROOT / "monitoring" / "prometheus.yml").read_text("utf-8"))
    names = {
        name
        for job in asked["scrape_configs"]
        for config in job.get("dns_sd_configs", [])
        for name in config["names"]
    }
    elsewhere = {"orchestrator"}  # a deployment of its own (deploy/kubernetes/orchestrator)
    assert names - elsewhere <= set(both["services"])


def test_compose_lint_finds_nothing(compose_lint: Tool) -> None:
    done = compose_lint("check", FILE)
    assert done.returncode == 0, done.stdout
    meant = {
        "CL-0005",  # ports of the proxy and of media are for everybody
        "CL-0019",  # tags are exact; a digest is for who has asked a registry for it
    }
    found = set(re.findall(r"(?:LOW|MEDIUM|HIGH|CRITICAL)\s+(CL-\d+)", done.stdout))
    assert found <= meant, done.stdout


def test_compose_lint_would_find_a_mistake(compose_lint: Tool, tmp_path: Path) -> None:
    file = tmp_path / "docker-compose.yml"
    file.write_text(
        FILE.read_text("utf-8").replace(
            "services:\n", "services:\n  bad: { image: x, privileged: true }\n", 1
        )
    )
    assert compose_lint("check", file).returncode != 0


def _seconds(duration: str) -> int:
    units = {"h": 3600, "m": 60, "s": 1}
    return sum(int(n) * units[unit] for n, unit in re.findall(r"(\d+)([hms])", duration))

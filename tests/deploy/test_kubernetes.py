"""The manifests: valid, of one mind with the settings, and with no needless right."""

import copy
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from ops.toolchain.livekit_server import RELEASE
from parley import __version__
from parley.settings import OrchestratorSettings, WorkerSettings, load_orchestrator, load_worker
from parley.settings.reference import OTHER_VARIABLES
from parley.settings.source import environment_variables
from tests.deploy.composed import ROOT, variables
from tests.deploy.conftest import Tool, left_out
from tests.deploy.manifests import (
    OVERLAYS,
    Manifest,
    check,
    containers,
    of_kind,
    pod_specs,
    rendered,
)

CONFIG = ROOT / "deploy" / "config"
OURS = ("agent", "gateway", "tts", "asr", "models")
WORKERS = ("tts", "asr", "models")


@pytest.fixture(scope="module")
def overlays(kubectl: Tool) -> dict[str, list[Manifest]]:
    if find_spec("kubernetes_validate") is None:
        left_out("kubernetes-validate")
    return {overlay: rendered(kubectl, overlay) for overlay in OVERLAYS}


@pytest.fixture(params=OVERLAYS)
def manifests(overlays: dict[str, list[Manifest]], request: pytest.FixtureRequest) -> Any:
    return overlays[request.param]


def test_kubernetes_and_the_custom_resources_know_every_key(manifests: list[Manifest]) -> None:
    for manifest in manifests:
        check(manifest)


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("Deployment", ("spec", "template", "spec")),
        ("HTTPRoute", ("spec",)),
        ("Gateway", ("spec",)),
        ("ScaledObject", ("spec", "advanced")),
        ("ReferenceGrant", ("spec",)),
        ("NetworkPolicy", ("spec",)),
        ("PodDisruptionBudget", ("spec",)),
    ],
)
def test_a_key_that_there_is_not_would_be_found(
    overlays: dict[str, list[Manifest]], kind: str, path: tuple[str, ...]
) -> None:
    broken = copy.deepcopy(next(each for each in overlays["cpu"] if each["kind"] == kind))
    place = broken
    for key in path:
        place = place[key]
    place["nosuchkey"] = 1
    with pytest.raises(jsonschema.ValidationError, match="nosuchkey"):
        check(broken)


def test_a_folder_with_a_mistake_is_not_rendered(kubectl: Tool, tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("resources: [nothing.yaml]\n")
    assert kubectl("kustomize", tmp_path).returncode != 0


def test_pods_are_restricted_and_media_alone_is_on_the_network_of_its_node(
    manifests: list[Manifest],
) -> None:
    levels = {
        name: each["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
        for name, each in of_kind(manifests, "Namespace").items()
    }
    assert levels == {"parley": "restricted", "parley-media": "privileged"}
    for name, spec in pod_specs(manifests).items():
        assert spec.get("hostNetwork", False) is (name == "livekit"), name
        assert spec["automountServiceAccountToken"] is False, name
        security = spec["securityContext"]
        assert security["runAsNonRoot"] is True
        assert security["runAsUser"] == (999 if name == "redis" else 1000), name
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert not any("hostPath" in volume for volume in spec["volumes"]), name
        for container in containers(spec):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, name
            limits = container["resources"]["limits"]
            assert "memory" in limits and "cpu" not in limits, name


def test_secrets_are_named_and_never_written(manifests: list[Manifest]) -> None:
    assert not of_kind(manifests, "Secret")
    secret = {
        name for name in _known() if re.search(r"SECRET|_KEY|_ID$|SESSIONS_URL|PASSWORD", name)
    }
    for name, spec in pod_specs(manifests).items():
        for container in containers(spec):
            for variable in container.get("env", []):
                assert "secretKeyRef" in variable["valueFrom"], (name, variable["name"])
    for name, config in of_kind(manifests, "ConfigMap").items():
        assert not secret & set(config["data"]), name


def test_every_variable_of_a_part_is_one_that_it_reads(manifests: list[Manifest]) -> None:
    for name, given in _environment(manifests).items():
        file = "worker.yaml" if name in WORKERS else "orchestrator.yaml"
        model = WorkerSettings if name in WORKERS else OrchestratorSettings
        read = {variable for _, variable in environment_variables(model)} | set(OTHER_VARIABLES)
        assert set(given) <= read | variables(CONFIG / file), name
        assert variables(CONFIG / file) <= set(given), name


def test_calls_ask_for_the_voice_that_workers_have(manifests: list[Manifest]) -> None:
    voices = {given["DEFAULT_MODEL"] for given in _environment(manifests).values()}
    assert len(voices) == 1


def test_who_ends_has_the_time_that_it_takes(manifests: list[Manifest]) -> None:
    drain_s = _orchestrator().agent.drain_timeout_s
    specs = pod_specs(manifests)
    assert specs["agent"]["terminationGracePeriodSeconds"] > drain_s
    assert specs["livekit"]["terminationGracePeriodSeconds"] > _orchestrator().agent.max_call_s
    for worker in ("tts", "asr"):
        assert specs[worker]["terminationGracePeriodSeconds"] > 60
    for name in ("agent", "tts", "asr", "gateway"):
        strategy = of_kind(manifests, "Deployment")[name]["spec"]["strategy"]
        assert strategy["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}, name


def test_ports_are_those_of_the_settings(manifests: list[Manifest]) -> None:
    server, workers = _orchestrator().server, load_worker(CONFIG / "worker.yaml", environ={})
    ports = {
        name: {port["name"]: port["containerPort"] for port in container.get("ports", [])}
        for name, spec in pod_specs(manifests).items()
        for container in spec["containers"]
    }
    assert ports["agent"] == {"health": server.health_check_port}
    assert ports["gateway"] == {"http": server.port, "metrics": server.gateway_health_port}
    for name in ("tts", "asr"):
        section = getattr(workers, name)
        assert ports[name] == {"grpc": section.port, "metrics": section.metrics_port}
        service = of_kind(manifests, "Service")[name]["spec"]
        assert service["clusterIP"] == "None", "one address of several workers serves one of them"
    livekit = yaml.safe_load((ROOT / "deploy/livekit/cluster.yaml").read_text("utf-8"))
    assert ports["livekit"] == {
        "http": livekit["port"],
        "media-tcp": livekit["rtc"]["tcp_port"],
        "turn-tls": livekit["turn"]["tls_port"],
        "turn-udp": livekit["turn"]["udp_port"],
        "metrics": livekit["prometheus"]["port"],
    }
    for name, service in of_kind(manifests, "Service").items():
        target = service["spec"]["selector"]["app"]
        for port in service["spec"]["ports"]:
            assert port["targetPort"] in ports[target], name


def test_what_is_selected_is_there(manifests: list[Manifest]) -> None:
    labels = {
        each["spec"]["template"]["metadata"]["labels"]["app"]
        for each in manifests
        if each["kind"] in ("Deployment", "Job")
    }
    for manifest in manifests:
        for selected in re.findall(r"app: (\w+)", yaml.safe_dump(manifest)):
            assert selected in labels, manifest["metadata"]["name"]
    deployments = of_kind(manifests, "Deployment")
    for name, scaled in of_kind(manifests, "ScaledObject").items():
        assert scaled["spec"]["scaleTargetRef"]["name"] in deployments
        assert "replicas" not in deployments[name]["spec"], "two would set the number"
    maps = {each["metadata"]["name"] for each in manifests if each["kind"] == "ConfigMap"}
    for spec in pod_specs(manifests).values():
        for volume in spec["volumes"]:
            assert "configMap" not in volume or volume["configMap"]["name"] in maps


def test_the_route_leads_to_what_there_is_by_one_name(manifests: list[Manifest]) -> None:
    (route,) = of_kind(manifests, "HTTPRoute").values()
    (gateway,) = of_kind(manifests, "Gateway").values()
    domain = _environment(manifests)["gateway"]["PARLEY_DOMAIN"]
    assert route["spec"]["hostnames"] == [domain]
    assert gateway["spec"]["listeners"][0]["hostname"] == domain
    services = {
        (each["metadata"]["namespace"], each["metadata"]["name"], port["port"])
        for each in manifests
        if each["kind"] == "Service"
        for port in each["spec"]["ports"]
    }
    paths = {}
    for rule in route["spec"]["rules"]:
        (backend,) = rule["backendRefs"]
        namespace = backend.get("namespace", route["metadata"]["namespace"])
        assert (namespace, backend["name"], backend["port"]) in services
        paths[rule["matches"][0]["path"]["value"]] = backend["name"]
        if backend["name"] == "livekit":
            assert rule["timeouts"]["request"] == "0s", "a call ends with its WebSocket"
            (grant,) = of_kind(manifests, "ReferenceGrant").values()
            assert grant["metadata"]["namespace"] == namespace
            assert grant["spec"]["from"][0]["namespace"] == route["metadata"]["namespace"]
    assert paths == {"/rtc": "livekit", "/": "gateway"}


def test_workers_reach_nothing_and_are_reached_by_few(manifests: list[Manifest]) -> None:
    policies = of_kind(manifests, "NetworkPolicy")
    assert policies["nothing"]["spec"] == {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
    }
    for name in ("tts", "asr"):
        spec = policies[name]["spec"]
        assert "egress" not in spec and spec["policyTypes"] == ["Ingress"]
        assert all(rule["from"] for rule in spec["ingress"])
    assert set(OURS) <= set(policies)


def test_livekit_is_the_one_that_is_tested_and_ours_are_of_this_version(
    manifests: list[Manifest],
) -> None:
    for name, spec in pod_specs(manifests).items():
        for container in containers(spec):
            image, _, tag = container["image"].partition(":")
            if image.startswith("parley-"):
                assert tag == __version__
            else:
                assert re.fullmatch(r"v?\d+\.\d+\.\d+.*", tag), name
            if name == "livekit":
                assert tag == f"v{RELEASE.version}"


def test_a_gpu_is_asked_for_where_there_is_one(overlays: dict[str, list[Manifest]]) -> None:
    for overlay, found in overlays.items():
        with_gpu = {
            name
            for name, spec in pod_specs(found).items()
            for container in containers(spec)
            if "nvidia.com/gpu" in container["resources"]["limits"]
        }
        assert with_gpu == ({"tts"} if overlay == "gpu" else set())
    spec = pod_specs(overlays["gpu"])["tts"]
    (container,) = spec["containers"]
    assert container["image"].startswith("parley-tts-cosyvoice:") and spec["tolerations"]
    probe = container["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] >= 600
    assert probe["grpc"] == {"port": 7001}


def test_livekit_lives_while_redis_is_away(manifests: list[Manifest]) -> None:
    (container,) = pod_specs(manifests)["livekit"]["containers"]
    assert container["livenessProbe"]["tcpSocket"] == {"port": "http"}, "/ answers 406 meanwhile"
    assert container["readinessProbe"]["httpGet"]["path"] == "/"


def test_development_scales_nothing(overlays: dict[str, list[Manifest]]) -> None:
    found = overlays["development"]
    assert not of_kind(found, "ScaledObject", "PodDisruptionBudget")
    for each in of_kind(found, "Deployment").values():
        assert each["spec"].get("replicas", 1) == 1


QUERY_CASES = {
    # Two synthesis workers, full and half full; a recognition worker; four that wait for each.
    "tts": ({"tts": (100, 50), "asr": (75,)}, 4, 2.0),
    "asr": ({"tts": (100, 50), "asr": (75,)}, 4, 0.75),
}


@pytest.mark.parametrize("worker", QUERY_CASES)
def test_demand_is_that_of_the_workers_of_one_kind(
    overlays: dict[str, list[Manifest]], tmp_path: Path, promtool: Tool, worker: str
) -> None:
    scaled = of_kind(overlays["cpu"], "ScaledObject")
    (trigger,) = scaled[worker]["spec"]["triggers"]
    assert float(trigger["metadata"]["threshold"]) == 0.8
    utilization, waiting, demand = QUERY_CASES[worker]
    series = [
        {
            "series": f'worker_utilization_percent{{instance="{kind}-{number}"}}',
            "values": f"{value}x20",
        }
        for kind, values in utilization.items()
        for number, value in enumerate(values)
    ]
    for kind, metric in (("tts", "synthesis"), ("asr", "recognition")):
        for number in range(len(utilization[kind])):
            depth = waiting if number == 0 else 0
            named = f'{metric}_queue_depth{{instance="{kind}-{number}"}}'
            series.append({"series": named, "values": f"{depth}x20"})
    case = {
        "evaluation_interval": "15s",
        "tests": [
            {
                "interval": "15s",
                "input_series": series,
                "promql_expr_test": [
                    {
                        "expr": trigger["metadata"]["query"],
                        "eval_time": "4m",
                        "exp_samples": [{"labels": "{}", "value": demand}],
                    }
                ],
            }
        ],
    }
    file = tmp_path / "demand.yml"
    file.write_text(yaml.safe_dump(case))
    done = promtool("test", "rules", file)
    assert done.returncode == 0, done.stdout + done.stderr


def test_agents_are_scaled_by_the_calls_that_they_take(
    overlays: dict[str, list[Manifest]],
) -> None:
    (trigger,) = of_kind(overlays["cpu"], "ScaledObject")["agent"]["spec"]["triggers"]
    assert trigger["metadata"]["query"] == "sum(sessions_active)"
    most = _orchestrator().agent.max_sessions
    assert float(trigger["metadata"]["threshold"]) == pytest.approx(0.8 * most)


def _orchestrator() -> OrchestratorSettings:
    environ = {"PARLEY_DOMAIN": "talk.example.org"}
    return load_orchestrator(CONFIG / "orchestrator.yaml", environ=environ)


def _known() -> set[str]:
    models = (OrchestratorSettings, WorkerSettings)
    return {name for model in models for _, name in environment_variables(model)}


def _environment(manifests: list[Manifest]) -> dict[str, dict[str, str]]:
    """What the parts are given; a secret as its name."""
    maps = {each["metadata"]["name"]: each for each in manifests if each["kind"] == "ConfigMap"}
    found: dict[str, dict[str, str]] = {}
    for name, spec in pod_specs(manifests).items():
        if name not in OURS:
            continue
        (container,) = spec["containers"]
        given: dict[str, str] = {}
        for source in container["envFrom"]:
            given |= maps[source["configMapRef"]["name"]]["data"]
        given |= {each["name"]: "" for each in container.get("env", [])}
        found[name] = given
    return found

"""deploy/kubernetes/orchestrator: valid, scaled as the contract says, with secrets by reference."""

from importlib.util import find_spec

import pytest
import yaml

from parley import __version__
from parley.settings import OrchestratorSettings
from parley.settings.reference import OTHER_VARIABLES
from parley.settings.source import environment_variables
from tests.deploy.conftest import Tool, left_out
from tests.deploy.manifests import FOLDER, Manifest, check, of_kind, pod_specs


@pytest.fixture(scope="module")
def manifests(kubectl: Tool) -> list[Manifest]:
    if find_spec("kubernetes_validate") is None:
        left_out("kubernetes-validate")
    done = kubectl("kustomize", FOLDER / "orchestrator")
    assert done.returncode == 0, done.stderr
    return [each for each in yaml.safe_load_all(done.stdout) if each]


def test_kubernetes_knows_every_key(manifests: list[Manifest]) -> None:
    for manifest in manifests:
        if manifest["kind"] != "VerticalPodAutoscaler":  # a custom resource, whose schema is theirs
            check(manifest)


def test_it_scales_from_three_to_twenty_and_recommends_no_more(manifests: list[Manifest]) -> None:
    scaler = of_kind(manifests, "HorizontalPodAutoscaler")["orchestrator"]["spec"]
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (3, 20)
    targets = {
        metric["resource"]["name"]: metric["resource"]["target"]["averageUtilization"]
        for metric in scaler["metrics"]
    }
    assert targets == {"cpu": 70, "memory": 80}
    vertical = of_kind(manifests, "VerticalPodAutoscaler")["orchestrator"]["spec"]
    assert vertical["updatePolicy"] == {"updateMode": "Off"}
    assert vertical["targetRef"]["name"] == scaler["scaleTargetRef"]["name"] == "orchestrator"


def test_the_pod_has_what_it_needs_and_no_more(manifests: list[Manifest]) -> None:
    spec = pod_specs(manifests)["orchestrator"]
    (container,) = spec["containers"]
    assert container["image"] == f"parley-orchestrator:{__version__}"
    assert container["resources"] == {
        "requests": {"cpu": "250m", "memory": "512Mi"},
        "limits": {"cpu": "500m", "memory": "1Gi"},
    }
    assert {container[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "liveness")} == {
        "/liveness"
    }
    assert container["readinessProbe"]["httpGet"]["path"] == "/readiness"
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert all("secretKeyRef" in each["valueFrom"] for each in container["env"])
    read = {name for _, name in environment_variables(OrchestratorSettings)} | set(OTHER_VARIABLES)
    (config,) = of_kind(manifests, "ConfigMap").values()
    assert {each["name"] for each in container["env"]} | set(config["data"]) <= read

"""docker-compose.orchestrator.yml on the engine: built, asked with a key, killed, asked again."""

import json
import secrets
import time
from pathlib import Path
from typing import Any

from bench.production import checks
from bench.production.commands import RunError
from bench.production.deployment import BUILD_S, Container, Deployment
from bench.production.engine import DockerEngine

FILE, PROJECT = "docker-compose.orchestrator.yml", "parley-orchestrator"
SESSION = "verify-run"
ASKED_WITHIN_S = 120.0
_ASK = """
import json, sys, urllib.error, urllib.request
key, session, message = sys.argv[1:]
body = json.dumps({"session_id": session, "message": message}).encode()
headers = {"content-type": "application/json", **({"x-api-key": key} if key else {})}
request = urllib.request.Request("http://127.0.0.1:8004/orchestrate", body, headers)
try:
    print(urllib.request.urlopen(request, timeout=60).read().decode())
except urllib.error.HTTPError as error:
    print(json.dumps({"status": error.code}))
"""


def orchestrator_serves(engine: DockerEngine, compose: Path, folder: Path, model_url: str) -> str:
    """From build to end; `model_url`: the language model that it asks. Raises RunError."""
    folder.mkdir(parents=True, exist_ok=True)
    deployment = Deployment(engine, compose, folder, project=PROJECT, file=FILE)
    deployment.write(
        {
            "POSTGRES_PASSWORD": secrets.token_hex(16),
            "REDIS_PASSWORD": secrets.token_hex(16),
            "KEYS_SECRET": secrets.token_hex(32),
            "OPENAI_BASE_URL": model_url,
            "LLM_API_KEY": "none",
            "LLM_MODEL": "quick",
        }
    )
    deployment.compose("down", "--volumes", "--timeout", "10")
    deployment.compose("build", within_s=BUILD_S)
    try:
        return _look(deployment)
    except BaseException:
        logs = deployment.compose("logs", "--no-color")
        (folder / "containers.log").write_text(logs, encoding="utf-8")
        raise
    finally:
        deployment.compose("down", "--volumes", "--timeout", "30")


def _look(deployment: Deployment) -> str:
    began_s = time.monotonic()
    deployment.start()
    took_s = time.monotonic() - began_s
    containers = deployment.containers()
    checks.users_and_capabilities(containers)
    checks.read_only_roots(containers)
    checks.limits(containers)
    made = _only(deployment).run("python", "-P", "-m", "gateway.keys", "create", "run", "--json")
    key = json.loads(made)["key"]
    refused = _asked(_only(deployment), "", "Hello.")
    if refused.get("status") != 401:
        raise RunError(f"without a key it answers {refused}, not 401")
    first = _asked(_only(deployment), key, "Hello.")
    deployment.engine.docker("kill", _only(deployment).id)
    deployment.start()
    second = _asked(_only(deployment), key, "And now?")
    for answer in (first, second):
        if not answer.get("response"):
            raise RunError(f"it answered {answer}")
    return (
        f"{len(containers)} containers of {FILE} healthy after {took_s:.0f} s, with no right that "
        f"they do not need; 401 without a key; answered {first['response']!r}, and after a kill in "
        "the same session again"
    )


def _only(deployment: Deployment) -> Container:
    return deployment.container("orchestrator")


def _asked(container: Container, key: str, message: str) -> dict[str, Any]:
    ask = ("python", "-P", "-c", _ASK, key, SESSION, message)
    answer: dict[str, Any] = json.loads(container.run(*ask, within_s=ASKED_WITHIN_S))
    return answer

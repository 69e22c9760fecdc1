"""/experiments, as clients use it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from dialogue.experiments.experiments import Experiments
from dialogue.experiments.sql import SqlExperiments
from gateway.errors import install_error_handlers
from gateway.experiments.routes import experiment_routes

CONTROL = {"name": "plain", "type": "control", "traffic_percentage": 50, "config": {}}
TREATMENT = {
    "name": "warm",
    "type": "treatment",
    "traffic_percentage": 50,
    "config": {"temperature": 0.9},
}
WISH: dict[str, Any] = {
    "name": "Warmth",
    "description": "d",
    "hypothesis": "h",
    "metric": "came back",
    "user_percentage": 100,
    "variants": [CONTROL, TREATMENT],
}


def served(experiments: Experiments) -> httpx.AsyncClient:
    app = FastAPI()
    install_error_handlers(app)
    app.include_router(experiment_routes(experiments))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1")


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    experiments = Experiments(SqlExperiments(tmp_path / "operations.db", timeout_s=30.0))
    async with served(experiments) as client:
        yield client
    await experiments.aclose()


async def test_from_a_draft_to_its_end(client: httpx.AsyncClient) -> None:
    made = (await client.post("/experiments", json=WISH)).json()
    experiment = f"/experiments/{made['experiment_id']}"
    assert (made["status"], made["variants"][1]["config"]) == ("draft", {"temperature": 0.9})
    none = (await client.get(f"{experiment}/variant/ada")).json()
    assert none == {
        "experiment_id": made["experiment_id"],
        "variant_name": None,
        "variant_config": {},
        "assigned": False,
    }
    assert (await client.post(f"{experiment}/stop")).status_code == 409
    assert (await client.post(f"{experiment}/start")).json()["status"] == "running"
    assert (await client.post(f"{experiment}/start")).status_code == 409

    assigned = (await client.get(f"{experiment}/variant/ada")).json()
    assert assigned["assigned"] and assigned["variant_name"] in ("plain", "warm")
    assert (await client.get(f"{experiment}/variant/ada")).json() == assigned
    converted = [
        (await client.post(f"{experiment}/track/conversion", json=body)).json()["counted"]
        for body in ({"user_id": "ada", "value": 3}, {"user_id": "ada"}, {"user_id": "bob"})
    ]
    assert converted == [True, False, False]

    found = (await client.get(experiment)).json()["results"]
    shown = {each["name"]: (each["exposed"], each["converted"]) for each in found["variants"]}
    assert shown[assigned["variant_name"]] == (1, 1)
    assert found["variants"][1]["interval"] == {"low": None, "high": None}
    stopped = (await client.post(f"{experiment}/stop")).json()
    assert (stopped["status"], stopped["winner"]) == ("stopped", None)
    assert stopped["results"]["why"]
    listed = (await client.get("/experiments")).json()["experiments"]
    assert [each["status"] for each in listed] == ["stopped"]
    assert (await client.get("/experiments/health")).json() == {"status": "healthy", "running": 0}
    summary = (await client.get("/experiments/stats/summary")).json()
    assert (summary["total"], summary["exposed"], summary["converted"]) == (1, 1, 1)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"variants": {"plain": CONTROL}}, "variants: variants is a list"),
        ({"variants": [CONTROL, {**TREATMENT, "traffic_percentage": 60}]}, "add up to 110"),
        ({"variants": [TREATMENT, {**TREATMENT, "name": "b"}]}, "one variant has the type"),
        ({"user_percentage": 0}, "user_percentage"),
        ({"unknown": 1}, "unknown"),
    ],
)
async def test_what_is_wrong_with_a_wish_is_told(
    client: httpx.AsyncClient, changed: dict[str, Any], told: str
) -> None:
    answer = await client.post("/experiments", json={**WISH, **changed})
    assert answer.status_code == 422
    assert told in answer.json()["error"]["message"]


async def test_an_unknown_experiment_is_not_found(client: httpx.AsyncClient) -> None:
    for method, path in (
        ("GET", ""), ("POST", "/start"), ("POST", "/stop"), ("GET", "/variant/ada"),
    ):  # fmt: skip
        answer = await client.request(method, f"/experiments/none{path}")
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_experiment")
    answer = await client.post("/experiments/none/track/conversion", json={"user_id": "ada"})
    assert answer.status_code == 404


async def test_a_store_that_is_away_is_said_with_when_to_come_back(tmp_path: Path) -> None:
    (tmp_path / "a-file").write_text("")
    away = Experiments(SqlExperiments(tmp_path / "a-file" / "operations.db"))
    async with served(away) as client:
        answer = await client.get("/experiments/health")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")

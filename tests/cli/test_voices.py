"""`./run voices` beside real workers: what they hold, and having them hold something else."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import grpc
import pytest
import yaml

from cli.voices import main
from ops.supervisor.readiness import until_ready
from parley.probe import worker_url
from parley.rpc.v1 import synthesis_pb2 as pb
from parley.settings.tls import ClientTlsSection
from testkit.isolated_config import free_ports
from tests.speech.fake_worker import FakeWorker, serving
from tests.workers.process import HIBARI, Worker, started

pytestmark = pytest.mark.servers


class StrangeWorker(FakeWorker):
    """Of another engine: it knows no voice of ours."""

    async def LoadVoice(  # noqa: N802
        self, request: pb.LoadVoiceRequest, context: grpc.aio.ServicerContext
    ) -> pb.LoadVoiceResponse:
        await context.abort(grpc.StatusCode.NOT_FOUND, f"no voice is called {request.voice!r}")
        raise AssertionError("aborted")


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Worker, Worker]]:
    hibari = {"adapter": "hibari", "default_model": HIBARI}
    with (
        started(tmp_path_factory.mktemp("one"), **hibari) as one,
        started(tmp_path_factory.mktemp("two"), **hibari) as two,
    ):
        for worker in (one, two):
            asyncio.run(until_ready(worker_url(worker.target, ClientTlsSection())))
        yield one, two


@pytest.fixture
async def strange() -> AsyncIterator[str]:
    async with serving(StrangeWorker()) as target:
        yield target


class Voices:
    """The command, with workers at the addresses of its configuration."""

    def __init__(
        self, folder: Path, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch
    ) -> None:
        self._folder = folder
        self._capsys = capsys
        patch.setenv("PARLEY_CONFIG_DIR", str(folder))

    def at(self, *targets: str) -> "Voices":
        settings = {"tts": {"worker_address": ",".join(targets)}, "asr": {"enabled": False}}
        (self._folder / "orchestrator.yaml").write_text(yaml.safe_dump(settings))
        return self

    async def __call__(self, *arguments: str) -> tuple[int, str, str]:
        code = await asyncio.to_thread(main, list(arguments))
        out, err = self._capsys.readouterr()
        return code, out, err

    async def json(self, *arguments: str) -> tuple[int, dict[str, list[dict[str, object]]]]:
        code, out, _ = await self(*arguments, "--json")
        return code, json.loads(out)


@pytest.fixture
def voices(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Voices:
    return Voices(tmp_path, capsys, monkeypatch)


async def test_each_voice_is_listed_once_with_where_it_is(
    workers: tuple[Worker, Worker], voices: Voices
) -> None:
    one, two = workers
    voices.at(one.target, two.target)
    code, out, err = await voices()
    assert (code, err) == (0, "")
    (row,) = [line for line in out.splitlines() if line.startswith(HIBARI)]
    assert row.split()[-1] == "resident"
    code, document = await voices.json("list")
    (voice,) = [voice for voice in document["voices"] if voice["name"] == HIBARI]
    assert voice["workers"] == {one.target: "resident", two.target: "resident"}
    assert (code, voice["engine"], document["errors"]) == (0, "hibari", [])


async def test_unloading_and_loading_reaches_every_worker_and_status_shows_it(
    workers: tuple[Worker, Worker], voices: Voices
) -> None:
    targets = [worker.target for worker in workers]
    voices.at(*targets)
    code, document = await voices.json("unload", HIBARI)
    assert (code, [row["address"] for row in document["workers"]]) == (0, targets)
    code, document = await voices.json("status")
    assert [(row["resident"], row["slots"], row["draining"]) for row in document["workers"]] == [
        ([], 8, False),
        ([], 8, False),
    ]
    code, document = await voices.json("load", HIBARI)
    assert code == 0
    assert all(float(str(row["load_s"])) > 0 for row in document["workers"])
    code, out, _ = await voices("status")
    assert (code, out.count(HIBARI)) == (0, 2)


async def test_a_voice_that_only_some_workers_know_is_loaded_by_those(
    workers: tuple[Worker, Worker], voices: Voices, strange: str
) -> None:
    target = workers[0].target
    code, document = await voices.at(strange, target).json("load", HIBARI)
    assert (code, [row["address"] for row in document["workers"]]) == (0, [target])
    assert document["errors"] == []


@pytest.mark.parametrize("action", ["load", "unload"])
async def test_a_voice_that_nobody_knows_is_an_error_that_names_those_there(
    workers: tuple[Worker, Worker], voices: Voices, action: str
) -> None:
    code, out, err = await voices.at(workers[0].target)(action, "nobody")
    assert (code, out) == (1, "")
    assert "no voice is called 'nobody'" in err
    assert HIBARI in err


async def test_a_worker_that_is_gone_is_told_beside_the_others(
    workers: tuple[Worker, Worker], voices: Voices
) -> None:
    gone = f"127.0.0.1:{free_ports(1)[0]}"
    code, out, err = await voices.at(gone, workers[0].target)("status")
    assert code == 1
    assert workers[0].target in out
    assert err == f"parley: speech worker {gone}: nothing listens there\n"


@pytest.mark.parametrize("arguments", [(), ("status",), ("load", HIBARI)])
async def test_no_worker_at_all_says_how_to_start_one(
    voices: Voices, arguments: tuple[str, ...]
) -> None:
    gone = f"127.0.0.1:{free_ports(1)[0]}"
    code, out, err = await voices.at(gone)(*arguments)
    assert (code, out) == (1, "")
    assert err == f"parley: speech worker {gone}: nothing listens there: ./run up starts workers\n"


async def test_a_configuration_that_cannot_work_is_status_2(voices: Voices) -> None:
    code, _, err = await voices.at("nowhere")()
    assert code == 2
    assert "tts.worker_address: expected host:port of a worker" in err
    assert err.endswith("found 'nowhere'\n")


async def test_the_voice_of_calls_is_not_unloaded_by_mistake(
    workers: tuple[Worker, Worker], voices: Voices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEFAULT_MODEL", HIBARI)
    voices.at(workers[0].target)
    code, out, err = await voices("unload", HIBARI)
    assert (code, out) == (1, "")
    assert err.startswith(f"parley: {HIBARI} is the voice of calls")
    assert "--force" in err and f"./run voices load {HIBARI}" in err
    _, document = await voices.json("status")
    assert document["workers"][0]["resident"] == [HIBARI]
    assert (await voices("unload", HIBARI, "--force"))[0] == 0
    _, document = await voices.json("status")
    assert document["workers"][0]["resident"] == []
    assert (await voices("load", HIBARI))[0] == 0

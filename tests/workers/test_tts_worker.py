"""The TTS worker as a process: what a supervisor, a client and Prometheus see of it."""

import asyncio
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import grpc
import numpy as np
import psutil
import pytest

from parley import paths
from parley.rpc.v1 import status_pb2
from parley.rpc.v1 import synthesis_pb2 as pb
from tests.workers.process import HIBARI, KOKORO, PIPER, Worker, client, started
from tests.workers.speaking import END, collect, hear, opening, text

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def piper(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    with started(tmp_path_factory.mktemp("piper")) as worker:
        yield worker


async def test_default_voice_speaks(piper: Worker) -> None:
    async with client(piper) as stub:
        heard = await hear(stub, "Hello there.", "", "How are you?")
        assert (heard.started.engine, heard.started.voice) == ("piper", PIPER)
        assert heard.started.sample_rate_hz == 22050
        assert [word for _, word, _, _ in heard.words] == ["Hello", "there.", "How", "are", "you?"]
        assert heard.samples.any()
        status = (await stub.GetStatus(status_pb2.GetStatusRequest())).status
        voice = next(v for v in status.voices if v.name == PIPER)
        assert voice.residency == status_pb2.VOICE_RESIDENCY_RESIDENT
        assert voice.license
        assert status.resident_bytes > 50e6


async def test_same_request_gives_the_same_samples_on_another_worker(
    piper: Worker, tmp_path: Path
) -> None:
    texts = ("The weather was so clear this morning.", "Was it?")
    with started(tmp_path) as other_worker:
        async with client(piper) as stub, client(other_worker) as other:
            here = await hear(stub, *texts, seed=42, sample_rate_hz=24000)
            there = await hear(other, *texts, seed=42, sample_rate_hz=24000)
            assert here.started.worker_id != there.started.worker_id
            assert np.array_equal(here.samples, there.samples)
            offset = len(here.samples) // 2
            rest = await hear(
                other, *texts, seed=42, sample_rate_hz=24000, start_offset_samples=offset
            )
            assert np.abs(here.samples[offset:].astype(int) - rest.samples).max() <= 1


async def test_metrics_are_those_of_the_contract(piper: Worker) -> None:
    async with client(piper):
        url = f"http://127.0.0.1:{piper.metrics_port}/metrics"
        page = await asyncio.to_thread(lambda: urllib.request.urlopen(url, timeout=5).read())
    assert b"\nsynthesis_queue_depth 0.0" in page
    assert b"\nworker_utilization_percent 0.0" in page
    assert b"sla_" not in page and b"session" not in page and b"recognition" not in page


async def test_sigterm_lets_the_utterance_finish_and_ends_with_status_0(tmp_path: Path) -> None:
    with started(tmp_path, adapter="hibari", default_model=HIBARI) as worker:
        async with client(worker) as stub:
            call = stub.Synthesize(timeout=60)
            await call.write(opening())
            assert (await call.read()).WhichOneof("message") == "started"
            worker.process.send_signal(signal.SIGTERM)
            refused = stub.Synthesize(timeout=60)
            await refused.write(opening())
            assert await refused.code() is grpc.StatusCode.UNAVAILABLE
            await call.write(text("I finish what I began."))
            await call.write(END)
            heard = await collect(call)
            assert heard.done is not None
            assert heard.samples.any()
        assert await asyncio.to_thread(worker.process.wait, 20) == 0


async def test_sigterm_while_a_voice_loads_ends_with_status_0(tmp_path: Path) -> None:
    with started(tmp_path, adapter="hibari", default_model=HIBARI) as worker:
        assert worker.process.stderr is not None
        await asyncio.to_thread(worker.process.stderr.readline)  # "listening on"
        worker.process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(worker.process.wait, 30) == 0


async def test_kokoro_speaks_behind_the_same_interface_with_every_voice(tmp_path: Path) -> None:
    with started(tmp_path, adapter="kokoro", default_model=KOKORO) as worker:
        async with client(worker) as stub:
            heard = await hear(stub, "Fine!")
            assert (heard.started.engine, heard.started.voice) == ("kokoro", KOKORO)
            assert [word for _, word, _, _ in heard.words] == ["Fine!"]
            assert heard.samples.any()
            status = (await stub.GetStatus(status_pb2.GetStatusRequest())).status
            remote = status_pb2.VOICE_RESIDENCY_REMOTE
            assert len(status.voices) == 10
            assert all(voice.residency != remote for voice in status.voices), "one network's"


async def test_hibari_speaks_behind_the_same_interface(tmp_path: Path) -> None:
    with started(tmp_path, adapter="hibari", default_model=HIBARI) as worker:
        async with client(worker) as stub:
            heard = await hear(stub, "It is 2024 — we paid $3.50.", "😀", "Fine!", seed=3)
            again = await hear(stub, "It is 2024 — we paid $3.50.", "😀", "Fine!", seed=3)
            assert np.array_equal(heard.samples, again.samples)
            spoken = [word for index, word, _, _ in heard.words if index == 0]
            assert spoken == ["It", "is", "2024", "—", "we", "paid", "$3.50."]
            first, emoji, last = (end for _, end in heard.text_done)
            assert first == emoji < last == len(heard.samples)


def test_nothing_of_piper_is_imported_unless_its_worker_asks_for_it() -> None:
    program = (
        "import sys, workers.tts, bench.tts, cli.bench; "
        "from workers.engines import create_tts_engine; "
        "create_tts_engine('hibari', threads=1); assert 'piper' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], cwd=paths.repository(), check=True, timeout=120)


async def test_unloaded_voice_gives_its_memory_back(piper: Worker) -> None:
    async with client(piper) as stub:
        await stub.LoadVoice(pb.LoadVoiceRequest(voice=PIPER), timeout=60)
        process = psutil.Process(piper.process.pid)
        resident = process.memory_info().rss
        await stub.UnloadVoice(pb.UnloadVoiceRequest(voice=PIPER), timeout=60)
        assert resident - process.memory_info().rss > 60e6, "the voice's weights alone are 63 MB"
        await hear(stub, "Loaded again by whoever needs it.")


def _refused(folder: Path, **tts: object) -> str:
    with started(folder, **tts) as worker:
        _, errors = worker.process.communicate(timeout=60)
        assert worker.process.returncode == 2
    last = errors.strip().splitlines()[-1]
    assert "Traceback" not in errors
    return str(last)


def test_configuration_that_cannot_work_is_one_sentence_and_status_2(tmp_path: Path) -> None:
    unknown = _refused(tmp_path / "a", default_model="piper-en-us-nobody-medium")
    assert "DEFAULT_MODEL" in unknown
    assert "'piper-en-us-nobody-medium'" in unknown
    assert PIPER in unknown
    foreign = _refused(tmp_path / "b", default_model=HIBARI)
    assert "does not fit adapter piper" in foreign
    assert "unknown key 'tts.slotz'" in _refused(tmp_path / "c", slotz=3)


def test_port_in_use_is_one_sentence_and_status_2(tmp_path: Path, piper: Worker) -> None:
    assert f":{piper.port} cannot be listened on" in _refused(tmp_path / "a", port=piper.port)
    metrics = _refused(tmp_path / "b", metrics_port=piper.metrics_port)
    assert f":{piper.metrics_port} cannot be listened on" in metrics

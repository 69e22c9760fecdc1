"""Mutual TLS between clients and a real worker, with certificates made as the docs say."""

import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from agent.health.probes import Probes
from ops.supervisor.readiness import until_ready
from parley.errors import ConfigurationError, WorkerUnavailableError
from parley.probe import why_not_ready, worker_url
from parley.settings import OrchestratorSettings, WorkerSettings
from parley.settings.orchestrator import TtsSection
from parley.settings.tls import ClientTlsSection, WorkerTlsSection
from parley.settings.worker import TtsWorkerSection
from parley.speech import AudioChunk, SynthesisRequest
from parley.speech.configured import speech_pool
from parley.tls import ClientTls, client_tls, server_credentials
from tests.speech.certificates import SERVER_NAME, make_certificates, tls_of
from tests.workers.process import HIBARI, Worker, started
from workers.serving.binding import binding_of

SIXTY_S = 60


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificates(tmp_path_factory.mktemp("tls") / "ours")


@pytest.fixture(scope="module")
def strangers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Those of another authority."""
    return make_certificates(tmp_path_factory.mktemp("tls") / "theirs")


@pytest.fixture(scope="module")
def worker(certificates: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    tls = {"tls": tls_of("worker", certificates)}
    folder = tmp_path_factory.mktemp("worker")
    with started(folder, beside=tls, adapter="hibari", default_model=HIBARI) as worker:
        yield worker


def client_of(certificates: Path, **changes: str) -> ClientTlsSection:
    given = {**tls_of("agent", certificates), "server_name": SERVER_NAME, **changes}
    return ClientTlsSection.model_validate(given)


def settings_of(worker: Worker, tls: ClientTlsSection) -> OrchestratorSettings:
    tts = TtsSection(worker_address=worker.target, default_model=HIBARI)
    return OrchestratorSettings(tts=tts, tls=tls)


async def spoken(settings: OrchestratorSettings) -> int:
    async def texts() -> AsyncIterator[str]:
        yield "Nobody listens in."

    async with speech_pool(settings) as pool:
        events = pool.synthesize(SynthesisRequest(voice=HIBARI), texts())
        return sum([len(e.samples) async for e in events if isinstance(e, AudioChunk)])


@pytest.mark.servers
async def test_who_has_a_certificate_of_the_authority_is_served(
    worker: Worker, certificates: Path
) -> None:
    tls = client_of(certificates)
    await until_ready(worker_url(worker.target, tls))
    assert await spoken(settings_of(worker, tls))
    async with Probes(settings_of(worker, tls)) as probes:
        assert (await probes.run()).checks["worker"].ok


@pytest.mark.servers
async def test_who_has_none_is_refused(worker: Worker, certificates: Path) -> None:
    ours = client_of(certificates)
    await until_ready(worker_url(worker.target, ours))
    trusting = ClientTls(
        grpc.ssl_channel_credentials((certificates / "ca.pem").read_bytes()), SERVER_NAME
    )
    channel = grpc.aio.secure_channel(worker.target, trusting.credentials, trusting.options)
    async with channel:
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(), timeout=10
            )
    assert refusal.value.code() is grpc.StatusCode.UNAVAILABLE


@pytest.mark.servers
@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ("authority", r"its certificate is not of the authority in tls\.ca"),
        ("identity", "it wants TLS, and a certificate of its own authority"),
        ("plain text", "it wants TLS, and a certificate of its own authority"),
        ("name", r"for another name: tls\.server_name"),
    ],
)
async def test_what_does_not_fit_is_one_clear_sentence(
    worker: Worker, certificates: Path, strangers: Path, wrong: str, sentence: str
) -> None:
    await until_ready(worker_url(worker.target, client_of(certificates)))
    tls = {
        "authority": client_of(certificates, ca=str(strangers / "ca.pem")),
        "identity": client_of(strangers, ca=str(certificates / "ca.pem")),
        "plain text": ClientTlsSection(),
        "name": client_of(certificates, server_name="somebody-else"),
    }[wrong]
    assert why_not_ready(worker_url(worker.target, tls)) is not None
    with pytest.raises(WorkerUnavailableError, match=f"{worker.target}: .*{sentence}"):
        await spoken(settings_of(worker, tls))


@pytest.mark.servers
def test_a_worker_beyond_this_machine_without_tls_does_not_start(tmp_path: Path) -> None:
    with started(tmp_path, host="0.0.0.0", adapter="hibari", default_model=HIBARI) as worker:
        _, errors = worker.process.communicate(timeout=SIXTY_S)
    assert worker.process.returncode == 2
    assert errors.strip().splitlines()[-1].startswith("tts worker: tts.host is '0.0.0.0', beyond")
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("host", "tls"),
    [("127.0.0.1", {}), ("localhost", {}), ("::1", {}), ("0.0.0.0", {"insecure": True})],
)
def test_plain_text_is_for_this_machine_or_for_who_says_so(host: str, tls: dict[str, bool]) -> None:
    settings = WorkerSettings(
        tts=TtsWorkerSection(host=host), tls=WorkerTlsSection.model_validate(tls)
    )
    assert binding_of(settings, "tts").credentials is None


def test_a_file_that_is_missing_or_wrong_is_named(certificates: Path, tmp_path: Path) -> None:
    good = tls_of("worker", certificates)
    (tmp_path / "empty.pem").touch()
    other_key = str(certificates / "agent-key.pem")
    encrypted = tmp_path / "encrypted.pem"
    subprocess.run(
        ["openssl", "ec", "-aes256", "-passout", "pass:x", "-in", good["key"], "-out", encrypted],
        check=True,
        capture_output=True,
    )
    for change, sentence in [
        ({"key": ""}, r"tls\.key is empty: TLS needs"),
        ({"cert": str(tmp_path / "none.pem")}, r"tls\.cert: .*none\.pem cannot be read"),
        ({"ca": str(tmp_path / "empty.pem")}, r"tls\.ca: .*empty\.pem holds no certificate"),
        ({"key": other_key}, "are not a certificate and its private key"),
        ({"key": str(encrypted)}, "and not encrypted"),
    ]:
        with pytest.raises(ConfigurationError, match=sentence):
            server_credentials(WorkerTlsSection.model_validate({**good, **change}))


def test_files_lie_beside_the_configuration_unless_a_path_says_otherwise(
    certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARLEY_CONFIG_DIR", str(certificates))
    section = ClientTlsSection(ca="ca.pem", cert="agent.pem", key="agent-key.pem")
    assert client_tls(section) is not None
    assert client_tls(ClientTlsSection()) is None

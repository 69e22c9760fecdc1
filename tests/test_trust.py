"""A certificate that is not trusted is told from a network that is not there."""

import os
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from ops.doctor.language_model import check_llm
from parley.errors import FetchError
from parley.fetch.checksum import Checksum
from parley.fetch.download import download
from parley.fetch.packages import explain_failure
from parley.fetch.trust import UV_SYSTEM_CERTS, is_untrusted, run_trusting
from parley.progress import silent
from parley.settings.orchestrator import LlmSection, OrchestratorSettings
from tests.speech.certificates import make_certificates


@pytest.fixture
def stranger(tmp_path: Path) -> Iterator[str]:
    """An HTTPS server of an authority that nobody knows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made = make_certificates(tmp_path / "made")
    context.load_cert_chain(made / "worker.pem", made / "worker-key.pem")
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever).start()
        yield f"https://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_download_and_the_doctor_name_the_remedy(stranger: str, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match="SSL_CERT_FILE"):
        download(
            f"{stranger}/model.onnx",
            tmp_path / "model.onnx",
            checksum=Checksum("sha256", "0" * 64),
            label="model",
            progress=silent,
        )
    settings = OrchestratorSettings(llm=LlmSection(base_url=f"{stranger}/v1"))
    assert "SSL_CERT_FILE" in check_llm(settings).remedy


@pytest.mark.parametrize(
    ("said", "untrusted"),
    [
        ("error sending request for url: invalid peer certificate: UnknownIssuer", True),
        ("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate in certificate chain", True),
        ("tls: failed to verify: x509: certificate signed by unknown authority", True),
        ("dns error: failed to lookup address information", False),
        ("connection refused", False),
        ("", False),
    ],
)
def test_what_programs_say_of_certificates_is_understood(
    tmp_path: Path, said: str, untrusted: bool
) -> None:
    assert is_untrusted(said) is untrusted
    assert ("SSL_CERT_FILE" in explain_failure(said, "a==1", tmp_path / "x")) is untrusted


@pytest.mark.parametrize(("said", "status"), [("invalid peer certificate", 0), ("refused", 1)])
def test_an_installer_that_trusts_nobody_is_told_to_trust_whom_this_system_trusts(
    tmp_path: Path, said: str, status: int
) -> None:
    log = tmp_path / "log"
    script = f'[ -n "$UV_SYSTEM_CERTS" ] && echo installed && exit 0; echo "{said}"; exit 1'
    ended = run_trusting(
        ["sh", "-c", script],
        log=log,
        environment={"PATH": os.environ["PATH"]},
        tick=lambda: None,
        system_certs=UV_SYSTEM_CERTS,
    )
    assert ended == status
    assert log.read_text() == ("installed\n" if status == 0 else f"{said}\n")

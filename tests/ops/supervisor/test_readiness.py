"""What a part that is not ready waits for is said in words."""

import http.server
import json
import threading
from collections.abc import Iterator

import pytest

from parley.probe import why_not_ready


class _Part(http.server.BaseHTTPRequestHandler):
    """Answers 503 with the body that its server was given."""

    body = b""

    def do_GET(self) -> None:
        self.send_response(503)
        self.end_headers()
        self.wfile.write(type(self).body)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Part) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}/readiness"
        server.shutdown()


@pytest.mark.parametrize(
    ("missing", "told"),
    [
        (["registered"], "it waits for the LiveKit server"),
        (["warm_voice"], "a TTS worker that has the voice of tts.default_model in memory"),
        (["registered", "asr"], "the LiveKit server and a worker for recognition"),
        (["something_new"], "it waits for something_new"),
    ],
)
def test_the_agents_conditions_are_told_in_words(url: str, missing: list[str], told: str) -> None:
    conditions = dict.fromkeys(("registered", "warm_voice", "asr", "something_new"), True)
    conditions |= dict.fromkeys(missing, False)
    _Part.body = json.dumps({"ready": False} | conditions).encode()
    reason = why_not_ready(url)
    assert reason is not None and told in reason
    assert "{" not in reason


@pytest.mark.parametrize("body", [b"", b"not now", b"[1, 2]", b'{"error": "no"}', b"\xff{"])
def test_any_other_answer_is_shown_as_it_is(url: str, body: bytes) -> None:
    _Part.body = body
    reason = why_not_ready(url)
    assert reason is not None
    assert reason.endswith(f"answers 503: {body.decode(errors='replace')}")

"""Whether a part answers: one question, asked at its own address.

The address is a URL: `http://host:port/path` is asked with GET and must answer 200,
`grpc://host:port` must call itself SERVING in the gRPC health protocol, `grpcs://host:port?…`
likewise over TLS: the query has the fields of `ClientTlsSection`, paths and no secrets.
`python -m parley.probe URL` asks once and ends with 0 or 1: the health check of a container, which
runs every few seconds, so that gRPC is loaded only where it is asked.
"""

from __future__ import annotations

import http.client
import json
import sys
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit

if TYPE_CHECKING:
    import grpc

    from parley.settings.tls import ClientTlsSection

PROBE_TIMEOUT_S = 1.0
_SHOWN_CHARACTERS = 300
_AWAITED = {
    "registered": "the LiveKit server",
    "warm_voice": "a TTS worker that has the voice of tts.default_model in memory",
    "asr": "a worker for recognition",
    "processes": "a process that can take a call",
    "disk": "room on the disk",
    "not_draining": "the end of its calls",
}
# A proxy is for the world outside; the parts are here.
_CHANNEL_OPTIONS = (("grpc.enable_http_proxy", 0), ("grpc.use_local_subchannel_pool", 1))


def worker_url(address: str, tls: ClientTlsSection) -> str:
    """Where a worker at `address` (host:port) is asked; the files of `tls` are absolute."""
    if not tls.is_configured:
        return f"grpc://{address}"
    return f"grpcs://{address}?{urlencode(tls.model_dump())}"


def why_not_ready(url: str, *, timeout_s: float = PROBE_TIMEOUT_S) -> str | None:
    """None when the part at `url` is ready, else what it answered; blocks up to `timeout_s`."""
    parts = urlsplit(url)
    if parts.scheme in ("grpc", "grpcs"):
        return _why_not_serving(parts.netloc, dict(parse_qsl(parts.query)), timeout_s)
    return _why_not_ok(parts.netloc, parts.path or "/", timeout_s)


def _why_not_ok(address: str, path: str, timeout_s: float) -> str | None:
    connection = http.client.HTTPConnection(address, timeout=timeout_s)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return f"http://{address}{path}: {error or type(error).__name__}"
    finally:
        connection.close()
    if response.status == http.HTTPStatus.OK:
        return None
    return f"http://{address}{path} answers {response.status}: {_said(body)}"


def _said(body: str) -> str:
    """What a part says of itself: of the agent's conditions those that it still waits for."""
    try:
        conditions = json.loads(body)
    except ValueError:
        conditions = None
    if isinstance(conditions, dict) and "ready" in conditions:
        missing = [name for name, met in conditions.items() if name != "ready" and met is False]
        return f"it waits for {' and '.join(_AWAITED.get(name, name) for name in missing)}"
    return body.strip()[:_SHOWN_CHARACTERS]


def _why_not_serving(address: str, query: dict[str, str], timeout_s: float) -> str | None:
    import grpc  # noqa: PLC0415 - see the module's docstring
    from grpc_health.v1 import health_pb2, health_pb2_grpc  # noqa: PLC0415

    from parley.errors import ConfigurationError  # noqa: PLC0415

    try:
        channel = _channel(address, query)
    except ConfigurationError as error:
        return f"grpc://{address}: {error}"
    with channel:
        try:
            response = health_pb2_grpc.HealthStub(channel).Check(  # type: ignore[attr-defined]
                health_pb2.HealthCheckRequest(), timeout=timeout_s
            )
        except grpc.RpcError as error:
            # Every failed blocking call is a grpc.Call too, which has the code.
            code = error.code().name if isinstance(error, grpc.Call) else str(error)
            return f"grpc://{address}: {code}"
    if response.status == health_pb2.HealthCheckResponse.SERVING:
        return None
    name = health_pb2.HealthCheckResponse.ServingStatus.Name(response.status)
    return f"grpc://{address} says {name}"


def _channel(address: str, query: dict[str, str]) -> grpc.Channel:
    import grpc  # noqa: PLC0415

    if not query:
        return grpc.insecure_channel(address, options=_CHANNEL_OPTIONS)
    from parley.settings.tls import ClientTlsSection  # noqa: PLC0415
    from parley.tls import client_tls  # noqa: PLC0415

    tls = client_tls(ClientTlsSection.model_validate(query))
    if tls is None:
        return grpc.insecure_channel(address, options=_CHANNEL_OPTIONS)
    options = (*_CHANNEL_OPTIONS, *tls.options)
    return grpc.secure_channel(address, tls.credentials, options=options)


def main(arguments: list[str]) -> int:
    """0 when the part at the one URL is ready; else 1, with what it answered on standard error."""
    (url,) = arguments
    reason = why_not_ready(url)
    if reason is not None:
        print(reason, file=sys.stderr)
    return 0 if reason is None else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

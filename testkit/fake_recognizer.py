"""A recognition worker that hears the same words in any sound; it speaks the contract."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from parley.rpc.v1 import recognition_pb2 as pb
from parley.rpc.v1 import recognition_pb2_grpc as rpc
from parley.rpc.v1 import status_pb2


class FakeRecognizer(rpc.SpeechRecognitionServicer):
    def __init__(self, text: str) -> None:
        self.text = text
        self.heard_s: list[float] = []

    async def Recognize(  # noqa: N802
        self,
        requests: AsyncIterator[pb.RecognizeRequest],
        context: grpc.aio.ServicerContext[Any, Any],
    ) -> AsyncGenerator[pb.RecognizeResponse]:
        heard_bytes = 0
        async for request in requests:
            match request.WhichOneof("message"):
                case "open":
                    yield pb.RecognizeResponse(started=pb.RecognitionStarted(worker_id="wire"))
                case "audio":
                    heard_bytes += len(request.audio.pcm_s16le)
                case "flush":
                    self.heard_s.append(heard_bytes / 2 / 16000)
                    yield pb.RecognizeResponse(
                        transcript=pb.Transcript(
                            kind=pb.TRANSCRIPT_KIND_FINAL,
                            text=self.text,
                            flush_id=request.flush.flush_id,
                        )
                    )

    async def GetStatus(  # noqa: N802
        self, request: status_pb2.GetStatusRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> status_pb2.GetStatusResponse:
        return status_pb2.GetStatusResponse(status=status_pb2.WorkerStatus(slots=2))


@asynccontextmanager
async def recognizing(worker: FakeRecognizer, *, port: int = 0) -> AsyncGenerator[str]:
    """Serves the worker on this port, 0: a free one; yields its address."""
    server = grpc.aio.server()
    rpc.add_SpeechRecognitionServicer_to_server(worker, server)
    serving = health.aio.HealthServicer()
    await serving.set("", health_pb2.HealthCheckResponse.SERVING)
    health_pb2_grpc.add_HealthServicer_to_server(serving, server)
    port = server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)

"""An S3-compatible server on a socket: the requests that records make, and signatures demanded."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from xml.sax.saxutils import escape, unescape

import uvicorn
from fastapi import FastAPI, Request, Response

from testkit.isolated_config import free_ports

KEY_ID, SECRET = "key", "secret"


class S3Server:
    """One bucket in memory; `is_denying` answers 403 to all."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.is_denying = False
        self.app = FastAPI()
        self.app.add_api_route("/{path:path}", self._answer, methods=["GET", "HEAD", "POST", "PUT"])

    async def _answer(self, request: Request, path: str) -> Response:
        _, _, key = path.partition("/")
        allowed = f"Credential={KEY_ID}/" in request.headers.get("authorization", "")
        if self.is_denying or not allowed:
            return Response(status_code=403)
        match request.method:
            case "PUT" if key:
                self.objects[key] = await request.body()
                return Response(headers={"etag": f'"{len(self.objects[key])}"'})
            case "POST" if "delete" in request.query_params:
                return self._delete((await request.body()).decode())
            case "GET" | "HEAD" if key:
                return self._content(key, request.headers.get("range", ""))
            case "GET":
                return self._list(request.query_params.get("prefix", ""))
        return Response(status_code=400)

    def _delete(self, body: str) -> Response:
        keys = re.findall(r"<Key>([^<]*)</Key>", body)
        for key in keys:
            self.objects.pop(unescape(key), None)
        gone = "".join(f"<Deleted><Key>{key}</Key></Deleted>" for key in keys)
        return Response(f"<DeleteResult>{gone}</DeleteResult>", media_type="application/xml")

    def _list(self, prefix: str) -> Response:
        found = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{len(content)}</Size>"
            '<LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>"e"</ETag></Contents>'
            for key, content in sorted(self.objects.items())
            if key.startswith(prefix)
        )
        body = f"<ListBucketResult><IsTruncated>false</IsTruncated>{found}</ListBucketResult>"
        return Response(body, media_type="application/xml")

    def _content(self, key: str, wanted: str) -> Response:
        if (content := self.objects.get(key)) is None:
            missing = f"<Error><Code>NoSuchKey</Code><Key>{escape(key)}</Key></Error>"
            return Response(missing, status_code=404)
        headers = {"etag": '"e"', "last-modified": "Thu, 01 Jan 2026 00:00:00 GMT"}
        if (asked := re.fullmatch(r"bytes=(\d+)-(\d+)", wanted)) is None:
            return Response(content, headers=headers)
        start, last = int(asked[1]), int(asked[2])
        part = content[start : last + 1]
        headers["content-range"] = f"bytes {start}-{start + len(part) - 1}/{len(content)}"
        return Response(part, status_code=206, headers=headers)


@contextmanager
def s3_serving(server: S3Server) -> Iterator[str]:
    """Its address, for as long as the block lasts."""
    (port,) = free_ports(1)
    config = uvicorn.Config(server.app, port=port, log_config=None, access_log=False)
    running = uvicorn.Server(config)
    thread = Thread(target=running.run, name="s3", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        running.should_exit = True
        thread.join()

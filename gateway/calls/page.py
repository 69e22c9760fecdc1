"""The browser client, as `npm run build` leaves it."""

import os
from http import HTTPStatus
from pathlib import Path

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.types import Receive, Scope, Send

from gateway.built_files import built_file

_NOT_BUILT = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Parley: page not built</title>
<h1>The page is not built yet</h1>
<p><code>./run up</code> builds it; then load this address again.</p>
<p>The API under <code>/api</code> works without it.</p></html>
"""


class _Files(StaticFiles):
    """Each as `built_file` has it."""

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = HTTPStatus.OK,
    ) -> Response:
        asked = Headers(scope=scope)
        response = built_file(Path(full_path), asked.get("accept-encoding", ""), status=status_code)
        if self.is_not_modified(response.headers, asked):
            return NotModifiedResponse(response.headers)
        return response


class Page:
    """ASGI application that serves the built page from `folder`, or says that it is not built."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files = _Files(directory=folder, html=True, check_dir=False)

    @property
    def is_built(self) -> bool:
        return (self._folder / "index.html").is_file()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":  # there is none at a page's address
            await send({"type": "websocket.close", "code": 1000})
        elif self.is_built:
            await self._files(scope, receive, send)
        elif self._files.get_path(scope) in (".", "index.html"):
            not_built = HTMLResponse(_NOT_BUILT, HTTPStatus.SERVICE_UNAVAILABLE)
            await not_built(scope, receive, send)
        else:
            raise HTTPException(HTTPStatus.NOT_FOUND)

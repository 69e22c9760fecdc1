"""/operations: the page of operators. It holds nothing itself; what it shows, it asks for."""

from http import HTTPStatus
from pathlib import Path

from fastapi import APIRouter, Request, Response

from gateway.built_files import built_file
from gateway.errors import ApiError
from parley import paths

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


def operations_page(page_folder: Path | None = None) -> APIRouter:
    """The page and its files, from the folder that `npm run build` writes."""
    folder = page_folder or paths.repository() / "web" / "dist"
    router = APIRouter(include_in_schema=False)
    headers = {
        "Content-Security-Policy": POLICY,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }

    @router.get("/operations")
    async def page(request: Request) -> Response:
        return _file(folder / "operations.html", request, headers)

    @router.get("/favicon.svg")
    async def icon(request: Request) -> Response:
        return _file(folder / "favicon.svg", request, headers)

    @router.get("/assets/{name}")
    async def asset(request: Request, name: str) -> Response:
        return _file(folder / "assets" / Path(name).name, request, headers)

    return router


def _file(file: Path, request: Request, headers: dict[str, str]) -> Response:
    if not file.is_file():
        raise _missing()
    answer = built_file(file, request.headers.get("accept-encoding", ""))
    answer.headers.update(headers)
    return answer


def _missing() -> ApiError:
    return ApiError(HTTPStatus.NOT_FOUND, "not_found", "there is no such page: is it built?")

"""/operations: the page of operators. It holds nothing itself; what it shows, it asks for."""

from http import HTTPStatus
from pathlib import Path

from fastapi import APIRouter, Response
from starlette.responses import FileResponse

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
        "Cache-Control": "no-cache",
        "Content-Security-Policy": POLICY,
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }

    @router.get("/operations")
    async def page() -> Response:
        return _file(folder / "operations.html", headers)

    @router.get("/favicon.svg")
    async def icon() -> Response:
        return _file(folder / "favicon.svg", headers)

    @router.get("/assets/{name}")
    async def asset(name: str) -> Response:
        file = folder / "assets" / Path(name).name
        return _file(file, headers | {"Cache-Control": "public, max-age=31536000, immutable"})

    return router


def _file(file: Path, headers: dict[str, str]) -> Response:
    if not file.is_file():
        raise _missing()
    return FileResponse(file, headers=headers)


def _missing() -> ApiError:
    return ApiError(HTTPStatus.NOT_FOUND, "not_found", "there is no such page: is it built?")

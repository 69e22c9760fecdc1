"""One file of the built page as an answer: compressed as the build left it, cached as it may be."""

import re
from http import HTTPStatus
from mimetypes import guess_type
from pathlib import Path

from starlette.responses import FileResponse

_CODINGS = {"br": ".br", "gzip": ".gz"}
"""By what a browser calls them, the better one first: how web/compress.mjs ends their names."""
_REFUSED = re.compile(r"q=0(\.0*)?")


def built_file(
    path: Path, accept_encoding: str = "", *, status: int = HTTPStatus.OK
) -> FileResponse:
    """`path`, or what the build compressed of it, for a client with this Accept-Encoding.

    Files in `assets` carry a hash of their content in their name and are fetched once; all else is
    asked for anew. Raises FileNotFoundError.
    """
    headers = {
        "Vary": "Accept-Encoding",
        "Cache-Control": (
            "public, max-age=31536000, immutable" if path.parent.name == "assets" else "no-cache"
        ),
    }
    sent = path
    accepted = _accepted(accept_encoding)
    for coding, ending in _CODINGS.items():
        packed = path.with_name(path.name + ending)
        if coding in accepted and packed.is_file():
            sent = packed
            headers["Content-Encoding"] = coding
            break
    return FileResponse(
        sent,
        status,
        headers,
        media_type=guess_type(path.name)[0] or "application/octet-stream",
        stat_result=sent.stat(),
    )


def _accepted(accept_encoding: str) -> set[str]:
    """The codings that are named, but for those with a weight of zero."""
    named = (each.strip().lower().partition(";") for each in accept_encoding.split(","))
    return {name.strip() for name, _, weight in named if not _REFUSED.fullmatch(weight.strip())}

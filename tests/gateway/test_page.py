import gzip
from pathlib import Path

import pytest

from tests.gateway.conftest import Serve, settings_with

SCRIPT = b"export const words = 'again';"
BROTLI = b"the client of these tests cannot read brotli: it is handed on as it came"


@pytest.fixture
def built(tmp_path: Path) -> Path:
    folder = tmp_path / "dist"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><title>Parley</title>")
    (folder / "assets" / "index.js").write_text("export {};")
    return folder


async def test_the_built_page_and_its_assets_are_served(serve: Serve, built: Path) -> None:
    async with serve(settings_with(), page_folder=built) as client:
        page = await client.get("/")
        script = await client.get("/assets/index.js")
    assert page.status_code == 200
    assert "<title>Parley</title>" in page.text
    assert script.headers["content-type"].startswith("text/javascript")


@pytest.mark.parametrize(
    ("accepted", "coding", "body"),
    [
        ("gzip, deflate, br, zstd", "br", BROTLI),
        ("gzip, deflate", "gzip", SCRIPT),
        ("gzip;q=1.0, br;q=0", "gzip", SCRIPT),
        ("br;q=0.0, gzip; q=0", None, SCRIPT),
        ("identity", None, SCRIPT),
    ],
)
async def test_a_script_travels_as_the_build_compressed_it_for_who_can_read_that(
    serve: Serve, built: Path, accepted: str, coding: str | None, body: bytes
) -> None:
    script = built / "assets" / "call.js"
    script.write_bytes(SCRIPT)
    script.with_name("call.js.br").write_bytes(BROTLI)
    script.with_name("call.js.gz").write_bytes(gzip.compress(SCRIPT))
    async with serve(settings_with(), page_folder=built) as client:
        answer = await client.get("/assets/call.js", headers={"accept-encoding": accepted})
        etag = answer.headers["etag"]
        again = await client.get(
            "/assets/call.js", headers={"accept-encoding": accepted, "if-none-match": etag}
        )
        plain = await client.get("/assets/call.js", headers={"accept-encoding": "identity"})
    assert answer.headers.get("content-encoding") == coding
    assert answer.content == body
    assert answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["vary"] == "Accept-Encoding"
    assert "immutable" in answer.headers["cache-control"]
    assert again.status_code == 304
    assert again.headers["vary"] == "Accept-Encoding"
    # A cache between must not take the one for the other.
    assert (etag == plain.headers["etag"]) == (coding is None)


async def test_what_the_build_did_not_compress_travels_as_it_is(serve: Serve, built: Path) -> None:
    async with serve(settings_with(), page_folder=built) as client:
        answer = await client.get("/assets/index.js", headers={"accept-encoding": "gzip, br"})
    assert answer.text == "export {};"
    assert "content-encoding" not in answer.headers


async def test_a_new_build_is_seen_at_once_and_its_assets_are_fetched_once(
    serve: Serve, built: Path
) -> None:
    async with serve(settings_with(), page_folder=built) as client:
        page = await client.get("/")
        script = await client.get("/assets/index.js")
        again = await client.get("/", headers={"if-none-match": page.headers["etag"]})
    assert page.headers["cache-control"] == "no-cache"
    assert "immutable" in script.headers["cache-control"]
    assert again.status_code == 304


async def test_a_page_that_is_not_built_says_what_builds_it(serve: Serve, tmp_path: Path) -> None:
    folder = tmp_path / "later"
    async with serve(settings_with(), page_folder=folder) as client:
        missing = await client.get("/")
        assert missing.status_code == 503
        assert "./run up" in missing.text
        folder.mkdir()
        (folder / "index.html").write_text("built")
        assert (await client.get("/")).text == "built"


async def test_every_answer_carries_the_security_headers(serve: Serve, built: Path) -> None:
    async with serve(settings_with(), page_folder=built) as client:
        for answer in (
            await client.get("/"),
            await client.get("/nothing"),
            await client.post("/api/token", json={"voice": 3}),
            await client.post("/api/token", content=b" " * 100_000),
        ):
            headers = answer.headers
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "no-referrer"
            assert "microphone=(self)" in headers["permissions-policy"]
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert "connect-src 'self' ws://127.0.0.1:1 http://127.0.0.1:1;" in policy

from pathlib import Path

import pytest

from tests.gateway.conftest import Serve, settings_with


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


async def test_a_script_travels_compressed_where_the_browser_can_read_it(
    serve: Serve, built: Path
) -> None:
    (built / "assets" / "large.js").write_text("export const words = 'again';\n" * 20_000)
    async with serve(settings_with(), page_folder=built) as client:
        packed = await client.get("/assets/large.js")
        plain = await client.get("/assets/large.js", headers={"accept-encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "immutable" in packed.headers["cache-control"]
    assert "content-encoding" not in plain.headers
    assert packed.text == plain.text


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

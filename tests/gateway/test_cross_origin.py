"""Pages of other origins: who may ask for a call, and who may show the page in a frame."""

from pathlib import Path

import httpx
import pytest

from parley.errors import ConfigurationError
from parley.settings import load_orchestrator
from tests.gateway.conftest import Serve, settings_with

SHOP = "https://shop.example.org"
OTHER = "https://elsewhere.example.org"


def preflight(origin: str) -> dict[str, str]:
    return {
        "origin": origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type,x-sandbox-id",
    }


def readers(answer: httpx.Response) -> str | None:
    return answer.headers.get("access-control-allow-origin")


async def test_an_allowed_origin_may_ask_and_read_also_a_refusal(serve: Serve) -> None:
    async with serve(settings_with(allowed_origins=(SHOP,))) as client:
        asked = await client.options("/api/token", headers=preflight(SHOP))
        granted = await client.post("/api/token", json={}, headers={"origin": SHOP})
        refused = await client.post("/api/token", json={"app": "x"}, headers={"origin": SHOP})
    assert asked.status_code == 200
    assert "content-type" in asked.headers["access-control-allow-headers"]
    assert "POST" in asked.headers["access-control-allow-methods"]
    assert (granted.status_code, refused.status_code) == (201, 422)
    assert readers(asked) == readers(granted) == readers(refused) == SHOP


@pytest.mark.parametrize("origin", [OTHER, "null", "http://shop.example.org", SHOP + ".evil.org"])
async def test_no_other_origin_may(serve: Serve, origin: str) -> None:
    async with serve(settings_with(allowed_origins=(SHOP,))) as client:
        asked = await client.options("/api/token", headers=preflight(origin))
        answer = await client.post("/api/token", json={}, headers={"origin": origin})
    assert asked.status_code == 400
    assert readers(asked) is None
    assert readers(answer) is None


async def test_by_default_nobody_may_and_nobody_may_frame_the_page(serve: Serve) -> None:
    async with serve(settings_with()) as client:
        asked = await client.options("/api/token", headers=preflight(SHOP))
        page = await client.get("/")
    assert readers(asked) is None
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert page.headers["x-frame-options"] == "DENY"


async def test_what_is_not_a_calls_business_is_shared_with_nobody(serve: Serve) -> None:
    async with serve(settings_with(allowed_origins=(SHOP,))) as client:
        for path in ("/metrics", "/health", "/"):
            assert readers(await client.get(path, headers={"origin": SHOP})) is None


async def test_exactly_the_allowed_origins_may_frame_the_page(serve: Serve) -> None:
    async with serve(settings_with(allowed_origins=(SHOP, "http://localhost:3000"))) as client:
        page = await client.get("/?embed=1")
    policy = page.headers["content-security-policy"]
    assert policy.endswith(f"frame-ancestors {SHOP} http://localhost:3000")
    assert "x-frame-options" not in page.headers


async def test_only_the_embedding_script_is_loaded_by_other_pages(
    serve: Serve, tmp_path: Path
) -> None:
    (tmp_path / "index.html").write_text("built")
    (tmp_path / "embed.js").write_text("")
    async with serve(settings_with(), page_folder=tmp_path) as client:
        script = await client.get("/embed.js")
        page = await client.get("/")
    assert script.headers["cross-origin-resource-policy"] == "cross-origin"
    assert page.headers["cross-origin-resource-policy"] == "same-origin"


@pytest.mark.parametrize(
    "origin", ["*", "shop.example.org", "https://shop.example.org/", "https://a b", "https://a;b"]
)
def test_what_is_no_origin_is_refused_with_its_place(tmp_path: Path, origin: str) -> None:
    file = tmp_path / "orchestrator.yaml"
    file.write_text(f"server:\n  allowed_origins: ['{origin}']\n")
    with pytest.raises(ConfigurationError, match=r"allowed_origins"):
        load_orchestrator(file, environ={})

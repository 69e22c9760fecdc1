"""What a visitor was told, moment by moment, so that no lie between two looks is missed."""

import re
from typing import Any, Literal

from playwright.async_api import Page

LONG_MS = 90_000

_WATCH = """
() => {
  window.told = [];
  const text = (selector) => document.querySelector(selector)?.textContent ?? "";
  const note = () => {
    const now = {
      phase: document.querySelector(".page").dataset.phase,
      alert: text("[role=alert]"),
      floor: text(".floor"),
      quality: document.querySelector(".quality")?.dataset.quality ?? "",
    };
    const last = window.told.at(-1);
    if (JSON.stringify({ ...last, at_ms: 0 }) !== JSON.stringify({ ...now, at_ms: 0 })) {
      window.told.push({ ...now, at_ms: performance.now() });
    }
  };
  new MutationObserver(note).observe(document.body, {
    subtree: true, childList: true, characterData: true, attributes: true,
  });
  note();
}
"""

RAW = re.compile(r"eyJ|grpc|http|wss?:|StatusCode|\d+\.\d+\.\d+\.\d+", re.IGNORECASE)
_LISTENS = re.compile(r"listening|waits for your message|speaking|thinking|have the floor")


async def watch(page: Page) -> None:
    """From now on all that `all_told` returns is noted."""
    await page.evaluate(_WATCH)


async def all_told(page: Page) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = await page.evaluate("window.told")
    return told


async def has_told(page: Page, where: Literal["alert", "floor"], text: str) -> None:
    """Waits until it has been said since `watch`: what passes soon is not missed between looks."""
    await page.wait_for_function(
        "([where, text]) => window.told.some((moment) => moment[where].includes(text))",
        arg=[where, text],
        timeout=LONG_MS,
    )


async def check_truth(page: Page) -> None:
    """No banner is raw, and nothing that needs a line or an agent stands beside a lost one."""
    for moment in await all_told(page):
        assert not RAW.search(moment["alert"]), moment
        if moment["phase"] == "reconnecting":
            assert moment["quality"] == "lost", moment
        if moment["phase"] in ("reconnecting", "waiting"):
            assert not _LISTENS.search(moment["floor"]), moment


async def told_after_s(page: Page, floor: str, since_ms: float) -> float:
    """How long after `since_ms` (of the page's clock) the floor first said this."""
    for moment in await all_told(page):
        if moment["at_ms"] >= since_ms and floor in moment["floor"]:
            return float(moment["at_ms"] - since_ms) / 1000
    raise AssertionError(f"the floor never said {floor!r}")


async def now_ms(page: Page) -> float:
    return float(await page.evaluate("performance.now()"))

"""How soon the page is seen, and can be used, on a slow line, with nothing in the browser's cache.

    python -m tests.browser.first_paint [--page web/dist] [--runs 5]

The line is Chromium's own ("slow 4G" of Lighthouse): 1.6 Mbit/s down, 0.75 up, 150 ms a round trip.
"""

import argparse
import asyncio
import json
import shutil
from pathlib import Path
from statistics import median
from typing import Any

from playwright.async_api import Browser, async_playwright

from parley import paths
from tests.browser.gallery import serving_page

LINE = {
    "offline": False,
    "latency": 150,
    "downloadThroughput": 1_600_000 / 8,
    "uploadThroughput": 750_000 / 8,
}
_WATCH = """
window.usable = new Promise((resolve) => {
  const look = () => document.querySelector(".button-start:enabled")
    ? resolve(performance.now()) : requestAnimationFrame(look);
  look();
});
"""
_PAINTED = """
() => new Promise((resolve) => new PerformanceObserver((list) => {
  for (const { name, startTime } of list.getEntries())
    if (name === "first-contentful-paint") resolve(startTime);
}).observe({ type: "paint", buffered: true }))
"""


async def measure(browser: Browser, address: str) -> dict[str, float]:
    """One visit: ms to the first contentful paint and until the call can be begun; bytes."""
    context = await browser.new_context()
    page = await context.new_page()
    session = await context.new_cdp_session(page)
    got: list[int] = []

    def on_finished(told: dict[str, Any]) -> None:
        got.append(told["encodedDataLength"])

    session.on("Network.loadingFinished", on_finished)
    await session.send("Network.enable")
    await session.send("Network.emulateNetworkConditions", LINE)
    await page.add_init_script(_WATCH)
    await page.goto(address, wait_until="networkidle")
    painted_ms = await page.evaluate(_PAINTED)
    usable_ms = await page.evaluate("window.usable")
    await context.close()
    return {"first_paint_ms": painted_ms, "usable_ms": usable_ms, "bytes": sum(got)}


async def main(page_folder: Path, runs: int) -> None:
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    with serving_page(page_folder) as address:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=program, chromium_sandbox=False
            )
            visits = [await measure(browser, address) for _ in range(runs)]
            await browser.close()
    medians = {name: round(median(visit[name] for visit in visits)) for name in visits[0]}
    print(json.dumps({"runs": runs, **medians}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", type=Path, default=paths.repository() / "web" / "dist")
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    asyncio.run(main(arguments.page, arguments.runs))

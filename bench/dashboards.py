"""`./run bench dashboards`: draws the dashboards from a real run, where there is no Grafana.

Makes calls in a Parley of its own that a Prometheus asks every second, runs each panel's queries,
and draws the answers: a picture for each dashboard, `docs/dashboard-NAME.svg`.
"""

import asyncio
import json
import math
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.arguments import positive
from bench.dashboard_picture import Drawn, DrawnLine, draw
from bench.stopping import run_until_stopped
from ops.monitoring.documents import GRAFANA
from parley import paths
from parley.arguments import CommandParser
from parley.errors import ParleyError
from testkit.fake_llm import FakeLlm
from testkit.isolated_config import forget_own_settings
from testkit.prometheus_server import Prometheus
from testkit.watched_parley import Watched, answered, clip, desk, interrupted, watched_parley

DEFAULT_CALLS = 3
WINDOW = "30s"
SCRAPED_S = 3.0


def main(arguments: list[str]) -> int:
    parser = CommandParser(prog="./run bench dashboards", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one document, and nothing else")
    parser.add_argument("--calls", type=positive, default=DEFAULT_CALLS, help="one after the other")
    parser.add_argument("--into", type=Path, default=paths.repository() / "docs")
    options = parser.parse_args(arguments)
    forget_own_settings()
    try:
        with (
            tempfile.TemporaryDirectory(prefix="parley-bench-") as folder,
            watched_parley(Path(folder)) as watched,
        ):
            began_s = time.time()
            run_until_stopped(talk(watched, options.calls))
            drawn = {
                file.stem: board(watched.prometheus, file, began_s)
                for file in sorted((paths.repository() / GRAFANA).glob("*.json"))
                if file.stem != "orchestrator"  # which has no part in a call
            }
    except ParleyError as error:
        print(f"parley: {error}", file=sys.stderr)
        return 1
    empty = [
        f"{title}: {panel.title}"
        for title, panels in drawn.values()
        for panel in panels
        if not panel.lines
    ]
    for name, (title, panels) in drawn.items():
        file = options.into / f"dashboard-{name}.svg"
        draw(file, title, f"{options.calls} calls on one machine", panels)
        print(f"wrote {file}", file=sys.stderr)
    if options.json:
        print(json.dumps({"panels": sum(len(p) for _, p in drawn.values()), "empty": empty}))
    for panel in empty:
        print(f"parley: nothing to draw in {panel}", file=sys.stderr)
    return 1 if empty else 0


async def talk(watched: Watched, calls: int) -> None:
    """Each interrupts the greeting, and looks up two orders. Raises CallError."""
    await asyncio.sleep(SCRAPED_S)
    interruption = await clip(watched, "Wait, stop. Where is my order number forty two?")
    question = await clip(watched, "And where is the other order of mine?")
    for _ in range(calls):
        async with watched.call(FakeLlm(desk)) as client:
            await interrupted(client, interruption)
            await answered(client, question, tools=2)
    await asyncio.sleep(SCRAPED_S)


def board(asked: Prometheus, file: Path, began_s: float) -> tuple[str, list[Drawn]]:
    """Its title, and its panels with what Prometheus answers to their queries."""
    document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    panels = [each for each in document["panels"] if each["type"] != "row"]
    return document["title"], [_drawn(asked, panel, began_s) for panel in panels]


def _drawn(asked: Prometheus, panel: dict[str, Any], began_s: float) -> Drawn:
    lines = []
    for target in panel["targets"]:
        expr = target["expr"].replace("$__rate_interval", WINDOW)
        for series in asked.since(expr, began_s):
            points = [(at - began_s, value) for at, value in series.points if math.isfinite(value)]
            if points:
                lines.append(DrawnLine(_legend(target["legendFormat"], series.labels), points))
    return Drawn(
        title=panel["title"],
        unit=panel["fieldConfig"]["defaults"]["unit"],
        is_number=panel["type"] == "stat",
        lines=lines,
    )


def _legend(form: str, labels: Any) -> str:
    """Grafana's, with the labels filled in; ports say nothing on a picture."""
    for name, value in labels.items():
        form = form.replace(f"{{{{{name}}}}}", str(value).partition(":")[0])
    return form.split("{{", maxsplit=1)[0].strip()

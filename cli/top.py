"""`./run top`: what callers get now: calls, latencies against the objectives, workers."""

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import httpx2
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ops.monitoring.objectives import FILE, Objective, read_objectives
from ops.monitoring.recent import Recent, Scrape
from parley import paths
from parley.arguments import CommandParser
from parley.errors import ParleyError
from parley.settings import load_orchestrator

EVERY_S = 2.0
WINDOW_S = 60.0
_STAGES = ("endpointing", "asr", "llm_first_token", "tts_first_audio")
_BARGE_INS = ("onset_to_decision", "decision_to_silence")


def main(arguments: list[str]) -> int:
    """0 when it was ended, or shown once; 1 where no agent answers."""
    options = make_parser().parse_args(arguments)
    server = load_orchestrator().server
    url = (options.agent or f"http://{server.host}:{server.health_check_port}").rstrip("/")
    objectives = read_objectives(paths.repository() / FILE).objectives
    with suppress(KeyboardInterrupt):
        _watch(url, objectives, once=options.once)
    return 0


def _watch(url: str, objectives: tuple[Objective, ...], *, once: bool) -> None:
    recent = Recent(WINDOW_S)
    console = Console()
    with httpx2.Client(base_url=url, timeout=5.0) as client:
        recent.add(_scrape(client))
        if once:
            time.sleep(EVERY_S)
            recent.add(_scrape(client))
            console.print(
                view(url, recent, _asked(client, "/health"), _summary(client), objectives)
            )
            return
        with Live(console=console, screen=console.is_terminal, auto_refresh=False) as live:
            while True:
                try:
                    shown = view(
                        url, recent, _asked(client, "/health"), _summary(client), objectives
                    )
                except ParleyError as error:  # it may come back
                    shown = Text(str(error), style="red")
                live.update(shown, refresh=True)
                time.sleep(EVERY_S)
                try:
                    recent.add(_scrape(client))
                except ParleyError:
                    continue


def _scrape(client: httpx2.Client) -> Scrape:
    return Scrape.of(_get(client, "/metrics").text, at_s=time.monotonic())


def _asked(client: httpx2.Client, path: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(_get(client, path).text)
    return found


def _summary(client: httpx2.Client) -> Mapping[str, Any]:
    found: Mapping[str, Any] = _asked(client, "/metrics/summary")["metrics"]
    return found


def _get(client: httpx2.Client, path: str) -> httpx2.Response:
    try:
        return client.get(path)
    except httpx2.HTTPError as error:
        raise ParleyError(
            f"no agent answers at {client.base_url} ({type(error).__name__}): ./run status says "
            "what runs here, --agent names another"
        ) from None


def view(
    url: str,
    recent: Recent,
    health: Mapping[str, Any],
    summary: Mapping[str, Any],
    objectives: tuple[Objective, ...],
) -> RenderableType:
    """All of it, as it stands now."""
    return Group(
        _head(url, recent, health),
        _parts(health),
        _latencies(recent, objectives),
        _workers(summary),
    )


def _head(url: str, recent: Recent, health: Mapping[str, Any]) -> Text:
    status = str(health["status"])
    color = {"healthy": "green", "degraded": "yellow"}.get(status, "red")
    minutes = health["uptime_seconds"] / 60
    sessions = recent.now.total("sessions_active")
    line = Text.assemble(
        ("Parley ", "bold"), f"{url}  ", (status, color), f", up {minutes:.0f} min    "
    )
    line.append(
        f"{sessions:.0f} calls    in the last {recent.seconds:.0f} s: "
        f"{recent.increase('session_messages_total', role='user'):.0f} turns, "
        f"{recent.increase('session_barge_ins_total'):.0f} interruptions, "
        f"{recent.increase('synthesis_errors_total'):.0f} speech errors, "
        f"{recent.increase('playout_underruns_total'):.0f} gaps heard"
    )
    return line


def _parts(health: Mapping[str, Any]) -> Text:
    line = Text()
    for part, check in health["checks"].items():
        line.append(f"{part} ", "green" if check["ok"] else "red")
        if check["error"]:
            line.append(f"({check['error']}) ", "red")
    return line


def _latencies(recent: Recent, objectives: tuple[Objective, ...]) -> Table:
    table = Table("in ms", "median", "p95", "p99", "objective", title_justify="left", box=None)
    promised = {(each.histogram, each.where): each for each in objectives if each.histogram}

    def row(name: str, histogram: str, **labels: str) -> None:
        where = ",".join(f'{key}="{value}"' for key, value in labels.items())
        objective = promised.get((histogram, where))
        quantiles = [recent.quantile_s(histogram, share, **labels) for share in (0.5, 0.95, 0.99)]
        shown = ["–" if each is None else f"{1000 * each:.0f}" for each in quantiles]
        table.add_row(name, *shown, _kept(recent, objective, histogram, labels))

    row("response", "turn_latency_seconds", stage="total")
    for stage in _STAGES:
        row(f"  {stage}", "turn_latency_seconds", stage=stage)
    row("speech: first audio", "synthesis_latency_seconds")
    for stage in _BARGE_INS:
        row(f"barge-in: {stage}", "barge_in_latency_seconds", stage=stage)
    return table


def _kept(
    recent: Recent, objective: Objective | None, histogram: str, labels: dict[str, str]
) -> Text:
    if objective is None or objective.within_s is None:
        return Text()
    promise = f"{objective.target_percent:g}% within {1000 * objective.within_s:.0f}"
    reached = recent.quantile_s(histogram, objective.target_percent / 100, **labels)
    if reached is None:
        return Text(promise, "dim")
    is_kept = reached <= objective.within_s
    return Text(f"{promise}: {'kept' if is_kept else 'broken'}", "green" if is_kept else "red")


def _workers(summary: Mapping[str, Any]) -> Table:
    table = Table("worker", "engine", "slots in use", "waiting", box=None)
    for worker in summary["workers"]:
        in_use = f"{worker['in_flight']} of {worker['slots']}"
        table.add_row(worker["worker"], worker["engine"], in_use, str(worker["queue_depth"]))
    return table


def make_parser() -> CommandParser:
    parser = CommandParser(prog="./run top", description=__doc__)
    parser.add_argument(
        "--agent", metavar="URL", help="an agent's health port, else this machine's"
    )
    parser.add_argument("--once", action="store_true", help="show it once, over two seconds")
    return parser

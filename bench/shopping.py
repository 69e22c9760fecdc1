"""`./run bench shopping`: whether the shopping app's results obey what was asked; many chats.

60 requests that no rule was written by (half of them as they are spoken) are sent to a chat server
of its own; every product of their results is judged by the constraints that the request's words
state. Then 200 chats at once. Questions are answered with "any". With `--model` the language model
of the settings fills the requirements, else rules do: the embedded default.
"""

import asyncio
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
from rich.console import Console
from rich.table import Table
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from apps.shopping.requirement import RequirementSpec
from bench.machine import ForeignLoad, Machine
from bench.mind_trial import served
from bench.promise import Promise, print_promises
from bench.shopping_check import Shelf, ShoppingRequest, disobeyed, shopping_requests
from bench.shopping_readers import print_readers, readers_judged
from parley import paths
from parley.arguments import CommandParser
from parley.clock import monotonic
from parley.settings import OrchestratorSettings, load_orchestrator
from testkit.isolated_config import write_config

OBEYED = 0.98
CHATS = 200
WITHIN_S = 120.0
STEPS = ("connected", "progress", "first token", "results", "done")


@dataclass
class ChatTrial:
    """One chat: seconds to each step (from connecting, or from the last message on), and what came
    of it."""

    text: str
    steps_s: dict[str, float] = field(default_factory=dict)
    products: list[dict[str, Any]] | None = None
    spec: dict[str, Any] = field(default_factory=dict)
    questions: int = 0
    error: str = ""


def main(arguments: list[str]) -> int:
    options = _parser().parse_args(arguments)
    with ForeignLoad() as foreign:
        requests = shopping_requests(options.half)[: options.requests]
        with _model(options.local) as (settings, model):
            if options.readers:
                document = asyncio.run(
                    readers_judged(requests, settings, within_s=options.within_s)
                )
            else:
                with_model = options.model or bool(options.local)
                measured = _measured(requests, options.chats, model if with_model else None)
                document = asyncio.run(measured)
    document |= {"machine": asdict(Machine.this()), "foreign_load_percent": foreign.percent}
    document["half"] = options.half
    promises = [] if options.readers else _promises(document)
    document["promises"] = [promise.document() for promise in promises]
    if options.json:
        print(json.dumps(document))
    elif options.readers:
        print_readers(Console(), document)
    else:
        _print(document, promises)
    return 0 if all(promise.kept for promise in promises) else 1


@contextmanager
def _model(local: str) -> Iterator[tuple[OrchestratorSettings, Mapping[str, str]]]:
    """The settings of the model that is asked, and the variables that name it to a chat server.
    `local`: one that is served for the benchmark alone; empty: that of the settings."""
    if not local:
        yield load_orchestrator(), {}
        return
    with served(local) as (settings, _):
        named = {"OPENAI_BASE_URL": settings.llm_url, "OPENAI_API_KEY": "local", "LLM_MODEL": local}
        yield settings, named


def _promises(document: Mapping[str, Any]) -> list[Promise]:
    return [
        Promise("results_obeyed_share", OBEYED, document["obeyed_share"], at_least=True),
        Promise("requests_obeyed_share", OBEYED, document["requests_obeyed_share"], at_least=True),
        Promise("errors_of_chats_at_once", 0, document["at_once"]["errors"]),
    ]


async def _measured(
    requests: Sequence[ShoppingRequest], chats: int, model: Mapping[str, str] | None
) -> dict[str, Any]:
    shelf = Shelf()
    async with chat_process(model) as (process, address):
        trials = [
            await _talk(address, request.text, number) for number, request in enumerate(requests)
        ]
        judged = [_judged(shelf, r, trial) for r, trial in zip(requests, trials, strict=True)]
        rss_before = process.memory_info().rss
        texts = [requests[number % len(requests)].text for number in range(chats)]
        crowd = await asyncio.gather(
            *(_talk(address, text, 1000 + number) for number, text in enumerate(texts))
        )
        rss_after = process.memory_info().rss
    shown = [len(trial.products or ()) for trial in trials]
    wrong = sum(each["disobeyed_products"] for each in judged)
    return {
        "benchmark": "shopping",
        "requirements_by": "rules" if model is None else "model",
        "requests": len(requests),
        "products": sum(shown),
        "obeyed_share": round(1 - wrong / max(1, sum(shown)), 4),
        "requests_obeyed_share": round(
            sum(not each["disobeyed"] for each in judged) / len(judged), 4
        ),
        "requests_without_results": sum(not count for count in shown),
        "nothing_though_offers_exist": sum(each["finds_nothing"] for each in judged),
        "requests_with_dropped_constraints": sum(bool(each["dropped"]) for each in judged),
        "one_at_a_time_s": _percentiles(trials),
        "failures": [
            each
            for each in judged
            if each["disobeyed"] or each["dropped"] or each["finds_nothing"] or each["error"]
        ],
        "at_once": {
            "chats": chats,
            "errors": sum(bool(trial.error) for trial in crowd),
            "kinds_of_errors": dict(Counter(trial.error for trial in crowd if trial.error)),
            "steps_s": _percentiles(crowd),
            "memory_mb": round(rss_after / 1e6, 1),
            "memory_before_mb": round(rss_before / 1e6, 1),
        },
    }


def _judged(shelf: Shelf, request: ShoppingRequest, trial: ChatTrial) -> dict[str, Any]:
    verdict = shelf.verdict(RequirementSpec.model_validate(trial.spec), request.expected)
    broken = [found for p in trial.products or () if (found := disobeyed(p, request.expected))]
    return {
        "request": request.text,
        "form": request.form,
        "disobeyed": sorted({name for found in broken for name in found}),
        "disobeyed_products": len(broken),
        "dropped": verdict.dropped if trial.spec else [],
        "finds_nothing": not trial.products and verdict.finds_nothing,
        "error": trial.error,
    }


def _percentiles(trials: Sequence[ChatTrial]) -> dict[str, dict[str, float]]:
    told = {}
    for step in STEPS:
        values = sorted(trial.steps_s[step] for trial in trials if step in trial.steps_s)
        if values:
            p95 = values[min(len(values) - 1, int(0.95 * len(values)))]
            told[step] = {"median": round(statistics.median(values), 3), "p95": round(p95, 3)}
    return told


async def _talk(address: str, text: str, number: int) -> ChatTrial:
    """One chat from connecting to `done`."""
    trial, began_s = ChatTrial(text), monotonic()
    try:
        async with (
            asyncio.timeout(WITHIN_S),
            connect(f"ws://{address}/ws/chat?user_id=bench{number}", open_timeout=WITHIN_S) as chat,
        ):
            await chat.recv()
            trial.steps_s["connected"] = monotonic() - began_s
            await _say(chat, text, trial)
    except (TimeoutError, OSError, WebSocketException) as error:
        trial.error = type(error).__name__
    return trial


async def _say(chat: ClientConnection, text: str, trial: ChatTrial) -> None:
    said_s = await _sent(chat, text)
    while True:
        frame = json.loads(await chat.recv())
        kind, data = frame["type"], frame["data"]
        step = "first token" if kind == "token" else kind
        if step in STEPS:
            trial.steps_s.setdefault(step, monotonic() - said_s)
        if kind == "results":
            trial.products, trial.spec = data["products"], data["requirement_spec"]
        elif kind == "clarification":
            trial.questions += 1
            said_s = await _sent(chat, "any")
        elif kind == "error":
            trial.error = str(data["code"])
            return
        elif kind == "done":
            return


async def _sent(chat: ClientConnection, text: str) -> float:
    await chat.send(json.dumps({"type": "message", "message": text, "media": []}))
    return monotonic()


@asynccontextmanager
async def chat_process(
    model: Mapping[str, str] | None,
) -> AsyncIterator[tuple[psutil.Process, str]]:
    """A chat server with a state folder of its own: its process and host:port. `model`: variables
    that name the model which fills requirements; None: rules do."""
    with tempfile.TemporaryDirectory(prefix="parley-shopping-") as folder:
        config = write_config(Path(folder) / "configs")
        port = _port(config)
        environment = os.environ | {
            "PARLEY_CONFIG_DIR": str(config),
            "PARLEY_STATE_DIR": folder,
            "PARLEY_APP": "apps.shopping:agent",
            "PYTHONPATH": str(paths.repository()),
        }
        environment |= model or {}
        if model is None:
            for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
                environment.pop(name, None)
        process = subprocess.Popen(  # noqa: ASYNC220 - it lives as long as the benchmark
            [sys.executable, "-P", "-m", "gateway.chat"], env=environment
        )
        try:
            await _ready(f"http://127.0.0.1:{port}/health", process)
            yield psutil.Process(process.pid), f"127.0.0.1:{port}"
        finally:
            process.terminate()
            await asyncio.to_thread(process.wait)


def _port(config: Path) -> int:
    import yaml  # noqa: PLC0415

    document = yaml.safe_load((config / "orchestrator.yaml").read_text(encoding="utf-8"))
    return int(document["server"]["port"])


async def _ready(url: str, process: "subprocess.Popen[bytes]") -> None:
    async with asyncio.timeout(WITHIN_S), httpx.AsyncClient(timeout=WITHIN_S) as http:
        while process.poll() is None:
            try:
                if (await http.get(url)).status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.1)
    raise SystemExit("the chat server has not started")


def _print(document: dict[str, Any], promises: Sequence[Promise]) -> None:
    console = Console()
    console.print(
        f"{document['requests']} requests, requirements by {document['requirements_by']}: "
        f"{document['products']} products, {document['obeyed_share']:.1%} obey every constraint; "
        f"{document['requests_without_results']} requests without results, though there are offers "
        f"that obey: {document['nothing_though_offers_exist']}; requests of which a constraint was "
        f"dropped: {document['requests_with_dropped_constraints']}"
    )
    table = Table(
        "step", "one at a time: median", "p95", f"{document['at_once']['chats']} at once", "p95"
    )
    alone, crowd = document["one_at_a_time_s"], document["at_once"]["steps_s"]
    for step in STEPS:
        told = [each.get(step, {}).get(of) for each in (alone, crowd) for of in ("median", "p95")]
        table.add_row(step, *("" if value is None else f"{value:.3f} s" for value in told))
    console.print(table)
    at_once = document["at_once"]
    console.print(
        f"errors: {at_once['errors']}; memory {at_once['memory_before_mb']} MB before, "
        f"{at_once['memory_mb']} MB after"
    )
    for failure in document["failures"]:
        why = failure["error"] or failure["disobeyed"] or failure["dropped"] or "nothing found"
        console.print(f"  {failure['request']}: {why}")
    print_promises(console, promises)


def _parser() -> CommandParser:
    parser = CommandParser(prog="./run bench shopping", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one document on standard output")
    parser.add_argument("--chats", type=int, default=CHATS, help="chats at once")
    parser.add_argument("--requests", type=int, default=None, help="only so many of the requests")
    parser.add_argument(
        "--half",
        choices=(
            "reported",
            "reported-2",
            "reported-3",
            "reported-4",
            "reported-5",
            "tuning",
            "tuning-2",
        ),
        default="reported",
        help="of bench/shopping_requests.tsv",
    )
    parser.add_argument(
        "--readers",
        action="store_true",
        help="no chats: what rules, the model, and both together read in a request",
    )
    parser.add_argument(
        "--within-s",
        type=float,
        default=math.inf,
        help="of readers: seconds after which no more requests are read",
    )
    parser.add_argument(
        "--local",
        metavar="MODEL",
        default="",
        help="requirements by this local language model, which is served for the benchmark alone",
    )
    parser.add_argument(
        "--model", action="store_true", help="requirements by the language model of the settings"
    )
    return parser

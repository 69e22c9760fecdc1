"""`./run calls`: the records of calls, one of them turn by turn, or away with some."""

import argparse
import json
import sys
import time

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ops.supervisor.configuration import Configuration, reachable, read_configuration
from ops.supervisor.keys import livekit_keys
from parley import paths
from parley.arguments import CommandParser
from parley.errors import ParleyError
from parley.program import EXIT_MISCONFIGURED
from parley.records.call import CallView, TurnView
from parley.records.operator_key import operator_key
from parley.records.store import (
    RecordNotFoundError,
    RecordStore,
    is_id,
    of_person,
    of_session,
    open_records,
    read_call,
)

STAGES = (
    ("endpointing_ms", "end of turn"),
    ("asr_ms", "recognition"),
    ("llm_first_token_ms", "first word"),
    ("tts_first_audio_ms", "first sound"),
    ("total_ms", "response"),
)


def main(arguments: list[str]) -> int:
    """0; 1 where there is no such record, or none was deleted; 2 where the settings are wrong."""
    options = make_parser().parse_args(arguments)
    try:
        configuration = read_configuration(paths.config_dir(), paths.state_dir())
        store = open_records(configuration.orchestrator.record)
        if options.delete or options.session or options.person:
            return _delete(store, options)
        if options.link:
            print(_link(configuration, options.id))
            return 0
        if options.id:
            return _show(store, options.id, as_json=options.json)
        return _list(store, options.n, as_json=options.json)
    except RecordNotFoundError as error:
        print(f"parley: {error}", file=sys.stderr)
        return 1
    except ParleyError as error:
        print(f"parley: {error}", file=sys.stderr)
        return EXIT_MISCONFIGURED


def make_parser() -> CommandParser:
    parser = CommandParser(
        prog="./run calls",
        description="Lists the records of calls, newest first; with ID, shows one turn by turn.",
    )
    parser.add_argument("id", metavar="ID", nargs="?", default="", help="of a record")
    parser.add_argument("-n", type=int, default=20, help="how many are listed (20)")
    parser.add_argument("--json", action="store_true", help="one JSON document, nothing else")
    parser.add_argument(
        "--link",
        action="store_true",
        help="print the address that opens it in a browser, with the operators' key in it",
    )
    away = parser.add_mutually_exclusive_group()
    away.add_argument("--delete", metavar="ID", default="", help="delete this record")
    away.add_argument("--session", metavar="ID", default="", help="delete those of a conversation")
    away.add_argument(
        "--person", metavar="NAME", default="", help="delete those of a person, by identity or name"
    )
    return parser


def _delete(store: RecordStore, options: argparse.Namespace) -> int:
    if options.session:
        ids = of_session(store, options.session)
    elif options.person:
        ids = of_person(store, options.person)
    else:
        ids = [options.delete] if options.delete in store.ids() else []
    for each in ids:
        store.delete(each)
    if options.json:
        print(json.dumps({"deleted": ids}))
    else:
        print("\n".join(f"deleted {each}" for each in ids) or "there is no such record")
    return 0 if ids else 1


def _list(store: RecordStore, count: int, *, as_json: bool) -> int:
    ids = store.ids()
    calls = [read_call(store, each) for each in ids[:count]]
    if as_json:
        print(json.dumps([_summary(call) for call in calls], indent=2))
        return 0
    if not calls:
        print("there are no records; record.enabled (RECORD_ENABLED=true) makes them")
        return 0
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("began", "length", "turns", "cut", "errors", "slowest", "person", "id"):
        table.add_column(name, justify="left" if name in ("began", "person", "id") else "right")
    for call in calls:
        began = time.strftime("%d %b %H:%M:%S", time.localtime(call.began_at_s))
        table.add_row(
            began,
            _length(call.length_s) + {"going": " …", "lost": " lost"}.get(call.state, ""),
            str(len(call.turns)),
            str(call.interruptions or ""),
            Text(str(call.errors or ""), "red"),
            Text(_ms(call.slowest_ms), "red" if call.over_objective else ""),
            next(iter(call.names[::-1]), call.user)[:20],
            call.id,
        )
    Console().print(table)
    if len(ids) > count:
        print(f"{len(ids) - count} older ones are left out (-n)")
    return 0


def _show(store: RecordStore, call_id: str, *, as_json: bool) -> int:
    call = read_call(store, call_id)
    if as_json:
        print(call.model_dump_json(indent=2))
        return 0
    console = Console(highlight=False)
    began = time.strftime("%d %B %Y, %H:%M:%S", time.localtime(call.began_at_s))
    console.print(f"{began}, {_length(call.length_s)}, {call.state}", style="bold")
    console.print(
        f"{call.agent} with {call.model or 'its model'}, voice {call.voice}, "
        f"session {call.session}\n"
    )
    for turn in call.turns:
        _show_turn(console, turn, call.began_at_s)
    for moment in call.moments:
        at = moment.at_s - call.began_at_s
        style = "red" if moment.kind in ("error", "recording_stopped") else "dim"
        console.print(Text(f"{at:8.2f} s  {moment.kind}  {moment.text}", style))
    if call.objective_ms is not None:
        console.print(
            f"\nresponses slower than {call.objective_ms:.0f} ms: {call.over_objective}; "
            f"slowest {_ms(call.slowest_ms) or 'none'}"
        )
    console.print("`./run calls ID --link` opens it in a browser", style="dim")
    return 0


def _show_turn(console: Console, turn: TurnView, began_at_s: float) -> None:
    console.print(Text(f"{turn.at_s - began_at_s:8.2f} s", "dim"))
    if turn.person:
        console.print(Text(f"  person  {turn.person}"))
    if turn.made or turn.heard:
        words = Text("  agent   ")
        words.append(turn.heard, "cyan")
        words.append(_unheard(turn), "dim strike")
        console.print(words)
    for tool in turn.tools:
        took = "" if tool.took_s is None else f" in {tool.took_s:.2f} s"
        console.print(Text(f"  tool    {tool.name}: {tool.outcome}{took}", "dim"))
    if turn.stages is not None:
        told = [
            f"{label} {_ms(getattr(turn.stages, name))}"
            for name, label in STAGES
            if getattr(turn.stages, name) is not None
        ]
        over = f"  ({turn.over_ms:.0f} ms over)" if turn.over_ms is not None else ""
        console.print(Text(f"  {'  '.join(told)}{over}", "red" if over else "dim"))


def _unheard(turn: TurnView) -> str:
    """What was made of the answer and not heard, where it was cut."""
    if not turn.ended or not turn.made.startswith(turn.heard):
        return ""
    return turn.made[len(turn.heard) :] if turn.interrupted else ""


def _summary(call: CallView) -> dict[str, object]:
    kept = call.model_dump(mode="json", exclude={"turns", "floors", "moments"})
    return kept | {"turns": len(call.turns)}


def _link(configuration: Configuration, call_id: str) -> str:
    if call_id and not is_id(call_id):
        raise RecordNotFoundError(f"{call_id[:80]!r} is no id of a record")
    settings = configuration.orchestrator
    secret = type(settings.livekit.api_secret)(livekit_keys(configuration).api_secret)
    key = operator_key(settings.record, secret)
    host = reachable(settings.server.host)
    address = f"http://{host}:{settings.server.port}/calls"
    return f"{address}/{call_id}#key={key}" if call_id else f"{address}#key={key}"


def _length(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:.0f} ms"

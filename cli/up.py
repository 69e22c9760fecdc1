"""`./run up`: gets what is missing, starts every part, and stays or leaves them running."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

from rich.console import Console

from ops.doctor.finding import Level
from ops.doctor.folders import check_folders, why_unusable
from ops.doctor.language_model import check_llm
from ops.doctor.setup import check_setup, refuse_problems
from ops.llm_choice import choose_llm
from ops.supervisor.apps import check_apps, choose_apps
from ops.supervisor.configuration import Configuration, read_configuration
from ops.supervisor.console import StartView, announce, gone_terminals_ignored
from ops.supervisor.keys import livekit_keys
from ops.supervisor.media_network import REMEDY, why_no_media
from ops.supervisor.part_log import MAX_BYTES, last_lines
from ops.supervisor.parts import PART_NAMES, local_names, local_parts
from ops.supervisor.ports import check_ports
from ops.supervisor.preparation import Preparation
from ops.supervisor.record import (
    LEFTOVERS_END_WITHIN_S,
    RecordFile,
    StackRecord,
    await_leftovers,
)
from ops.supervisor.report import ask_parts, show
from ops.supervisor.service import Service
from ops.supervisor.stack import check_disk, make_parts
from ops.supervisor.supervisor import PartStatus
from parley import paths
from parley.arguments import CommandParser
from parley.errors import SupervisorError
from parley.private import open_private, private_folder
from parley.program import EXIT_INTERRUPTED
from parley.progress import ProgressBars
from parley.settings.port_offset import PORT_OFFSET, port_offset

_CALLED_AT_S = time.time()
_POLL_S = 0.1
_SHOWN_LINES = 12
STARTED_AT = "PARLEY_STARTED_AT"
_STOP_DETACHED = "stop: ./run down    state: ./run status    logs: ./run logs [PART] [-f]"
_STOP_HERE = "stop: Ctrl-C    state: ./run status    logs: ./run logs [PART] [-f]"


def main(arguments: list[str]) -> int:
    """0 once it is stopped (or, detached, once all is ready); raises ParleyError if it fails."""
    options = make_parser().parse_args(arguments)
    if options.port_offset is not None:
        os.environ[PORT_OFFSET] = options.port_offset
    choose_apps(options.app)
    console = Console()
    configuration = _read()
    file = RecordFile(configuration.state_dir)
    if record := file.running():
        _check_same_app(record, configuration, options.app)
        _check_same_ports(record, options.port_offset)
        console.print(f"Parley is running already, as PID {record.supervisor.pid}.")
        show(console, record, ask_parts(record), stop=_STOP_DETACHED)
        return 0
    earlier = file.read()  # of a dead one: another `up` may begin while the settings are checked
    # Before what may take minutes, what would be in vain; the supervisor looks again.
    _refuse(configuration)
    await_leftovers(earlier, within_s=LEFTOVERS_END_WITHIN_S)
    check_ports(local_parts(configuration, keys=livekit_keys(configuration), livekit_server=None))
    if "llm" in local_names(configuration):
        console.print(str(choose_llm(configuration.orchestrator)), highlight=False)
    return (_detach if options.detach else _stay)(configuration, console)


def make_parser() -> CommandParser:
    parser = CommandParser(prog="./run up", description=__doc__)
    parser.add_argument("--detach", action="store_true", help="return once all parts are ready")
    add_app(parser, "")
    add_port_offset(parser)
    return parser


def add_app(parser: CommandParser, otherwise: str) -> None:
    """`otherwise`: who answers where none is named, as a part of the help."""
    parser.add_argument(
        "--app",
        action="append",
        default=[],
        metavar="[NAME=]APP",
        help="who answers: my_agent.py, my_agent.py:name or package.module:name; the first is the "
        f"default, and of several each may be asked for by its name{otherwise}",
    )


def add_port_offset(parser: CommandParser) -> None:
    parser.add_argument(
        "--port-offset",
        metavar="N",
        help="added to every port, so that two checkouts run side by side: 100, 200 …; other "
        "commands find what runs (as PARLEY_PORT_OFFSET)",
    )


def check(apps: Sequence[str]) -> None:
    """Raises ConfigurationError where it would not start, as far as that can be told before."""
    choose_apps(apps)
    _refuse(_read())


def _read() -> Configuration:
    if why_unusable(paths.state_dir()) is None:
        check_disk(paths.state_dir())  # no fault of the configuration
    refuse_problems(check_folders())
    return read_configuration(paths.config_dir(), paths.state_dir())


def _refuse(configuration: Configuration) -> None:
    refuse_problems(check_setup(configuration, check_apps(configuration)))


def _check_same_app(record: StackRecord, configuration: Configuration, asked: list[str]) -> None:
    agent = configuration.orchestrator.agent
    if asked and (record.app, record.apps) != (agent.app, dict(agent.apps)):
        raise SupervisorError(
            f"Parley is running already, with the app {record.app}: ./run down ends it"
        )


def _check_same_ports(record: StackRecord, asked: str | None) -> None:
    if asked is not None and record.port_offset != port_offset({PORT_OFFSET: asked}):
        raise SupervisorError(
            f"Parley is running already, with the port offset {record.port_offset}: "
            "./run down ends it"
        )


def _stay(configuration: Configuration, console: Console) -> int:
    view = StartView(console)
    bars = ProgressBars(console)

    def on_prepared() -> None:
        with gone_terminals_ignored():
            bars.close()
            view.open()

    def on_change(status: PartStatus) -> None:
        announce(console, status)
        view.show(status.name, status.state)

    def on_ready(record: StackRecord) -> None:
        with gone_terminals_ignored():
            view.close()
            show(console, record, ask_parts(record), stop=_STOP_HERE)
        _tell_seconds(console, preparation, view)
        _warn_of_network(console)
        # Beside the supervisor, which has its parts to look after.
        asked = threading.Thread(
            target=_tell_model, args=(configuration, console), daemon=True, name="ask-model"
        )
        asked.start()

    def on_stop() -> None:
        with gone_terminals_ignored():
            console.print("Stopping; Ctrl-C again kills.")

    with bars, view:
        preparation = Preparation(configuration, PART_NAMES, bars, on_done=on_prepared)
        service = Service(
            configuration.state_dir,
            configuration.page_url,
            lambda: make_parts(configuration, PART_NAMES),
            app=configuration.orchestrator.agent.app,
            apps=configuration.orchestrator.agent.apps,
            on_change=on_change,
            on_ready=on_ready,
            on_stop=on_stop,
            until_prepared=preparation.until_ready,
        )
        try:
            was_ready = service.run()
        finally:
            preparation.cancel()
    console.print("Parley has stopped.")
    return 0 if was_ready else EXIT_INTERRUPTED


def _detach(configuration: Configuration, console: Console) -> int:
    log = configuration.state_dir / "logs" / "supervisor.log"
    private_folder(configuration.state_dir)
    private_folder(log.parent)
    if log.exists() and log.stat().st_size > MAX_BYTES:
        log.replace(log.with_name(f"{log.name}.1"))
    # Appended to: another `up` may have won meanwhile, and its supervisor writes here.
    with open_private(log, append=True) as output:
        begun_at = output.seek(0, os.SEEK_END)
        daemon = subprocess.Popen(
            [sys.executable, "-P", "-m", "ops.supervisor.daemon"],
            env=os.environ
            | {
                "PARLEY_CONFIG_DIR": str(configuration.config_dir),
                "PARLEY_STATE_DIR": str(configuration.state_dir),
            },
            cwd=paths.repository(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    file = RecordFile(configuration.state_dir)
    view = StartView(console)
    try:
        with ProgressBars(console) as bars:
            # The daemon does the same: of two who want a thing one gets it, here where it is seen.
            preparation = Preparation(configuration, PART_NAMES, bars)
            preparation.wait()
        record = _until_ready(daemon, file, view)
    except BaseException:
        daemon.terminate()
        daemon.wait()
        raise
    if record is None:
        failed = file.read()
        lines = "\n".join(last_lines(log, _SHOWN_LINES, since=begun_at))
        raise SupervisorError((failed.failure if failed else "") or f"it ended; {log}:\n{lines}")
    show(console, record, ask_parts(record), stop=_STOP_DETACHED)
    _tell_seconds(console, preparation, view)
    _warn_of_network(console)
    _tell_model(configuration, console)
    return 0


def _tell_seconds(console: Console, preparation: Preparation, view: StartView) -> None:
    """How long it took, step by step: fetched and built side by side, then the parts."""
    with gone_terminals_ignored():
        # `run` says when it was called; its comma is that of the person's language.
        began_at_s = float(os.environ.get(STARTED_AT, "").replace(",", ".") or _CALLED_AT_S)
        whole = f"ready after {time.time() - began_at_s:.1f} s: "
        environment = {"environment": _CALLED_AT_S - began_at_s}
        steps = (environment, preparation.seconds, view.seconds)
        told = [f"{name} {took:.1f}" for step in steps for name, took in step.items()]
        text = f"{whole}{', '.join(told)} (seconds, side by side)"
        console.print(text, markup=False, highlight=False, soft_wrap=True)


def _warn_of_network(console: Console) -> None:
    """Says so where no call could connect though every part is ready."""
    if (reason := why_no_media()) is not None:
        with gone_terminals_ignored():
            console.print(
                f"\nparley: warning: {reason}\n  → {REMEDY}",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )


def _tell_model(configuration: Configuration, console: Console) -> None:
    """Which language model it is, where, and whether it would answer a call; blocks for seconds."""
    found = check_llm(configuration.orchestrator, runs=True)
    text = f"language model: {found.detail}"
    if found.level is not Level.OK:
        text = f"\nparley: warning: the language model: {found.detail}\n  → {found.remedy}"
    with gone_terminals_ignored():
        console.print(text, markup=False, highlight=False, soft_wrap=True)


def _until_ready(
    daemon: subprocess.Popen[bytes], file: RecordFile, view: StartView
) -> StackRecord | None:
    """Shows how the parts start; the record once all are ready, None if the daemon has ended."""
    with view:
        view.open()
        while True:
            try:
                daemon.wait(_POLL_S)
                return None
            except subprocess.TimeoutExpired:
                record = file.read()
            if record is not None and record.supervisor.pid == daemon.pid:
                for part in record.parts:
                    view.show(part.name, part.state)
                if record.are_all_ready:
                    return record

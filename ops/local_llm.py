"""The local LLM: llama.cpp serves the OpenAI API on the loopback (`python -m ops.local_llm`).

Conversations share the beginning of the prompt (the instructions, the examples), so each slot
keeps what it has read and reads only what is new: the wait for the first token does not grow with
the conversation.
"""

import argparse
import hashlib
import json
import logging
import os
import signal
import socket
import sys
import time
import urllib.request
from pathlib import Path

# Read when llama.cpp's OpenMP is loaded. Threads that wait for each other spin for microseconds and
# then sleep. A token has hundreds of such waits: to sleep in each takes half as long again, and two
# threads write no faster than one. To spin for longer takes the cores from speech, and loses them
# in the middle of a token: beside busy workers an answer took ten times as long.
os.environ.setdefault("GOMP_SPINCOUNT", "500")

import xllamacpp

from dialogue import history
from dialogue.messages import AssistantMessage, Message, UserMessage
from dialogue.model import WITHOUT_EXAMPLES, wire_message
from dialogue.text.languages import get_or_english
from ops.llm_choice import LlmChoice, Room, choose_llm
from ops.llm_successor import Successor
from ops.toolchain.converted_models import ensure_converted, is_converted_once
from parley import models, paths
from parley.errors import ConfigurationError, ParleyError
from parley.private import private_folder
from parley.settings import OrchestratorSettings, load_orchestrator
from parley.settings.orchestrator import LARGE_LLM, SMALL_LLM
from parley.telemetry.logs import configure_logging

_log = logging.getLogger(__name__)

HOST = "127.0.0.1"
CONTEXT_TOKENS = 4096
"""Instructions, conversation and answer of one session; a longer request is refused."""

_STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT}
_PROMPT_CACHE_MIB = 128
_REUSED_TOKENS = 32
"""What follows a message that was dropped is moved in the cache instead of read again, from this
length on."""
_TEMPLATE = Path(__file__).with_name("qwen2.5.jinja")
_SLOT_WITHIN_S = 10.0
_BATCH_TOKENS = 64
"""A prompt is read in such pieces: between them the other sessions get their tokens, and a request
that was cancelled ends. Larger ones are no faster on a CPU."""


def main() -> int:
    """Serves until SIGTERM or SIGINT; returns 2 when it cannot begin."""
    options = _parser().parse_args()
    try:
        settings = load_orchestrator()
        configure_logging(settings.telemetry, part="llm")
        choice = LlmChoice(options.model, options.then) if options.model else choose_llm(settings)
        folder = models.ensure(choice.model)
        if is_converted_once(choice.model):
            folder = ensure_converted(choice.model) or folder
        # Threads inherit the mask: the signals wait for `sigtimedwait` below, whoever they are
        # sent to.
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
        server = _start(settings, options.host, choice.model, str(folder / "model.gguf"))
    except ParleyError as error:
        print(error, file=sys.stderr)
        return 2
    if choice.why:
        _log.info("%s", choice)
    _read_opening(server, settings, choice.model, folder)
    _log.info("ready: %s on %s", choice.model, server.listening_address)
    successor = Successor(choice.successor, settings) if choice.successor else None
    while (stopped := signal.sigtimedwait(_STOP_SIGNALS, 1.0)) is None:
        if successor is not None and successor.may_take_over():
            _log.info("%s takes over", choice.successor)
            del server
            successor.take_over()
    _log.info("ending on %s", signal.Signals(stopped.si_signo).name)
    del server
    return 0


def _start(settings: OrchestratorSettings, host: str, model: str, path: str) -> xllamacpp.Server:
    port = settings.llm.local_port
    _check_port(host, port)
    parameters = xllamacpp.CommonParams()
    parameters.model.path = path
    parameters.model_alias = {model}
    # The larger model's own file tells it to write calls with two braces, which is no JSON; this is
    # Qwen's template as the smaller has it (Apache-2.0).
    parameters.chat_template = _TEMPLATE.read_text(encoding="utf-8")
    parameters.hostnames = [host]
    parameters.port = port
    parameters.n_parallel = settings.agent.max_sessions
    parameters.n_ctx = CONTEXT_TOKENS * settings.agent.max_sessions
    parameters.no_extra_bufts = not Room.here().is_repacked(model)
    threads = min(2, os.cpu_count() or 1)
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = threads
    parameters.n_batch = parameters.n_ubatch = _BATCH_TOKENS
    parameters.n_cache_reuse = _REUSED_TOKENS
    parameters.cache_ram_mib = _PROMPT_CACHE_MIB
    parameters.sse_ping_interval = 1  # s; an answer in progress holds up the end for as long
    parameters.ui = False
    parameters.cors_origins = f"http://{HOST}"  # no web page may use it through a browser
    parameters.slot_save_path = f"{_openings_dir()}{os.sep}"
    parameters.endpoint_slots = False  # it shows what people said
    parameters.verbosity = 1  # errors: above it llama.cpp logs prompts
    try:
        return xllamacpp.Server(parameters)
    except RuntimeError as error:
        raise ConfigurationError(
            f"llama.cpp could not serve {path} on {host}:{port}: {error}"
        ) from error


def _check_port(host: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ConfigurationError(
                f"port {port} for the local LLM cannot be had on {host} ({error.strerror}): "
                "stop what uses it, or set llm.local_port in orchestrator.yaml"
            ) from None


def _openings_dir() -> Path:
    folder = paths.state_dir() / "llm-openings"
    private_folder(paths.state_dir())
    private_folder(folder)
    return folder


def _read_opening(
    server: xllamacpp.Server, settings: OrchestratorSettings, model: str, folder: Path
) -> None:
    """Puts what every conversation of the default app begins with into all slots, so that the
    first calls find it there. It is read once (seconds) and kept; later starts only load it."""
    messages = [wire_message(each) for each in opening_of(settings, model)]
    # What it depends on: the weights are the same as long as the file is as large.
    depends_on = [model, (folder / "model.gguf").stat().st_size, xllamacpp.__version__, messages]
    digest = hashlib.sha256(json.dumps(depends_on).encode()).hexdigest()
    kept = _openings_dir() / f"{model}-{digest[:16]}"
    begun_s = time.monotonic()
    slots = range(settings.agent.max_sessions)
    if not (kept.exists() and _slot(server, 0, "restore", kept.name)):
        for outdated in kept.parent.glob(f"{model}-*"):
            outdated.unlink(missing_ok=True)
        server.handle_chat_completions({"messages": messages, "max_tokens": 1, "id_slot": 0})
        if not _slot(server, 0, "save", kept.name):
            return
    for slot in slots[1:]:
        _slot(server, slot, "restore", kept.name)
    _log.info("the opening is in %d slots, after %.1f s", len(slots), time.monotonic() - begun_s)


def opening_of(settings: OrchestratorSettings, model: str) -> list[Message]:
    """What a conversation with the default app begins with, and a first word of the person."""
    language = get_or_english(settings.asr.language)
    configured = settings.agent.instructions
    examples = () if model in WITHOUT_EXAMPLES else language.examples_for(configured)
    opening = history.opening(language.instructions_for(configured), examples)
    greeting = language.greeting_for(settings.agent.greeting)
    said = [AssistantMessage(greeting)] if greeting else []
    return [*opening, *said, UserMessage("Hello.")]


def _slot(server: xllamacpp.Server, slot: int, action: str, filename: str) -> bool:
    """Has the server save a slot to a file of its folder, or restore it from there."""
    request = urllib.request.Request(  # noqa: S310 - on the loopback
        f"{server.listening_address}/slots/{slot}?action={action}",
        data=json.dumps({"filename": filename}).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=_SLOT_WITHIN_S):  # noqa: S310 - the same
            return True
    except OSError as error:
        _log.warning("the opening could not be %sd: %s", action, error)
        return False


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ops.local_llm", description=__doc__)
    names = (SMALL_LLM, LARGE_LLM)
    parser.add_argument("--model", choices=names, help="default: as llm.local_model says")
    parser.add_argument("--host", default=HOST, help="where it listens; it asks for no key")
    parser.add_argument("--then", choices=names, default="", help="takes over once it is here")
    return parser


if __name__ == "__main__":
    sys.exit(main())

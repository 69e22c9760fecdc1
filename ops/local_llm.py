"""The local LLM: llama.cpp serves the OpenAI API on the loopback (`python -m ops.local_llm`).

Conversations share the beginning of the prompt (the instructions), so each slot keeps what it has
read and reads only what is new: the wait for the first token does not grow with the conversation.
"""

import logging
import os
import signal
import socket
import sys

# Read when llama.cpp's OpenMP is loaded. Threads that spin while they wait for each other take the
# cores from speech, and lose them in the middle of a token: beside busy workers an answer took ten
# times as long.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import xllamacpp

from parley import models
from parley.errors import ConfigurationError, ParleyError
from parley.settings import OrchestratorSettings, load_orchestrator
from parley.settings.orchestrator import LOCAL_LLM
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
_BATCH_TOKENS = 64
"""A prompt is read in such pieces: between them the other sessions get their tokens, and a request
that was cancelled ends. Larger ones are no faster on a CPU."""


def main() -> int:
    """Serves until SIGTERM or SIGINT; returns 2 when it cannot begin."""
    try:
        settings = load_orchestrator()
        configure_logging(settings.telemetry, part="llm")
        folder = models.ensure(LOCAL_LLM)
        # Threads inherit the mask: the signals wait for `sigwait` below, whoever they are sent to.
        signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
        server = _start(settings, str(folder / "model.gguf"))
    except ParleyError as error:
        print(error, file=sys.stderr)
        return 2
    _read_instructions(server, settings.agent.instructions)
    _log.info("ready: %s on %s", LOCAL_LLM, server.listening_address)
    number = signal.sigwait(_STOP_SIGNALS)
    _log.info("ending on %s", signal.Signals(number).name)
    del server
    return 0


def _start(settings: OrchestratorSettings, model_path: str) -> xllamacpp.Server:
    port = settings.llm.local_port
    _check_port(port)
    parameters = xllamacpp.CommonParams()
    parameters.model.path = model_path
    parameters.model_alias = {LOCAL_LLM}
    parameters.hostnames = [HOST]
    parameters.port = port
    parameters.n_parallel = settings.agent.max_sessions
    parameters.n_ctx = CONTEXT_TOKENS * settings.agent.max_sessions
    # Writing waits for memory: a second thread writes no faster, and costs as much as the first.
    parameters.cpuparams.n_threads = 1
    parameters.cpuparams_batch.n_threads = min(2, os.cpu_count() or 1)
    parameters.n_batch = parameters.n_ubatch = _BATCH_TOKENS
    parameters.n_cache_reuse = _REUSED_TOKENS
    parameters.cache_ram_mib = _PROMPT_CACHE_MIB
    parameters.sse_ping_interval = 1  # s; an answer in progress holds up the end for as long
    parameters.ui = False
    parameters.cors_origins = f"http://{HOST}"  # no web page may use it through a browser
    parameters.endpoint_slots = False  # it shows what people said
    parameters.verbosity = 1  # errors: above it llama.cpp logs prompts
    try:
        return xllamacpp.Server(parameters)
    except RuntimeError as error:
        raise ConfigurationError(
            f"llama.cpp could not serve {model_path} on {HOST}:{port}: {error}"
        ) from error


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise ConfigurationError(
                f"port {port} for the local LLM cannot be had on {HOST} ({error.strerror}): "
                "stop what uses it, or set llm.local_port in orchestrator.yaml"
            ) from None


def _read_instructions(server: xllamacpp.Server, instructions: str) -> None:
    """Puts the instructions into the prompt cache, so that the first call finds them there."""
    server.handle_chat_completions(
        {"messages": [{"role": "system", "content": instructions}], "max_tokens": 1}
    )


if __name__ == "__main__":
    sys.exit(main())

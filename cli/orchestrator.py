"""`./run orchestrator`: serves conversations over a WebSocket and HTTP."""

import os

from parley import models
from parley.arguments import CommandParser
from parley.errors import ConfigurationError
from parley.settings import load_orchestrator

LOG_LEVEL = "ORCHESTRATOR_LOG_LEVEL"


def main(arguments: list[str]) -> int:
    """0 after a clean stop, 2 when the configuration cannot work."""
    options = make_parser().parse_args(arguments)
    if options.log_level:
        os.environ[LOG_LEVEL] = options.log_level
    from gateway.orchestrate.__main__ import main as serve  # noqa: PLC0415 - after the environment

    _fetch_embeddings(options.config)
    return serve(options.config)


def _fetch_embeddings(config: str) -> None:
    """What a first start lacks is fetched; without it intents and retrieval go by words alone."""
    from dialogue.embeddings import minilm  # noqa: PLC0415 - after the environment
    from dialogue.embeddings.embedder import open_embedder  # noqa: PLC0415
    from dialogue.orchestration.opening import wants_embeddings  # noqa: PLC0415
    from gateway.orchestrate.configuring import orchestrator_config  # noqa: PLC0415

    try:
        wanted = wants_embeddings(load_orchestrator(orchestrator_config(config)))
    except ConfigurationError:
        return  # serving tells of it
    if wanted and models.cached(minilm.NAME) is None:
        print(f"fetching {minilm.NAME} (91 MB) ...", flush=True)
        open_embedder(fetch=True)


def make_parser() -> CommandParser:
    parser = CommandParser(
        prog="./run orchestrator",
        description="Serves WS and POST /orchestrate until Ctrl-C. Without --config the settings "
        "are those that ORCHESTRATOR_CONFIG_PATH names, or configs/development.yaml, or, where "
        "ORCHESTRATOR_ENV is production, configs/production.yaml.",
    )
    parser.add_argument("--config", default="", metavar="FILE", help="the settings")
    parser.add_argument("--log-level", default="", help="DEBUG, INFO, WARNING or ERROR")
    return parser

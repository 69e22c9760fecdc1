"""`./run orchestrator`: serves conversations over a WebSocket and HTTP."""

import argparse
import os

LOG_LEVEL = "ORCHESTRATOR_LOG_LEVEL"


def main(arguments: list[str]) -> int:
    """0 after a clean stop, 2 when the configuration cannot work."""
    options = _parser().parse_args(arguments)
    if options.log_level:
        os.environ[LOG_LEVEL] = options.log_level
    from gateway.orchestrate.__main__ import main as serve  # noqa: PLC0415 - after the environment

    return serve(options.config)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./run orchestrator",
        description="Serves WS and POST /orchestrate until Ctrl-C. Without --config the settings "
        "are those that ORCHESTRATOR_CONFIG_PATH names, or configs/development.yaml, or, where "
        "ORCHESTRATOR_ENV is production, configs/production.yaml.",
    )
    parser.add_argument("--config", default="", metavar="FILE", help="the settings")
    parser.add_argument("--log-level", default="", help="DEBUG, INFO, WARNING or ERROR")
    return parser

"""`./run recover`: goes on with a turn whose process has died in the middle of it."""

import asyncio
import json
import sys

from dialogue.checkpoints.recovery import recover
from gateway.orchestrate.configuring import orchestrator_config
from gateway.orchestrate.recovering import conversation_of
from gateway.orchestrate.service import OrchestratorService
from parley.arguments import CommandParser
from parley.errors import ConfigurationError, ParleyError
from parley.settings import OrchestratorSettings, load_orchestrator


def main(arguments: list[str]) -> int:
    """0 once it is done; 1 where it cannot be gone on with, 2 for settings that cannot work."""
    options = make_parser().parse_args(arguments)
    settings = load_orchestrator(orchestrator_config(options.config))
    if not settings.checkpoints.enabled:
        raise ConfigurationError(
            "checkpoints.enabled (ENABLE_CHECKPOINTING) is false: nothing is kept that could be "
            "recovered"
        )
    try:
        answer = asyncio.run(recovered(settings, options.pipeline_id))
    except ParleyError as error:
        print(f"parley: {error}", file=sys.stderr)
        return 1
    shown = {"pipeline_id": options.pipeline_id, "response": answer}
    print(json.dumps(shown) if options.json else answer)
    return 0


async def recovered(settings: OrchestratorSettings, pipeline_id: str) -> str:
    """The answer that the pipeline has come to."""
    service = OrchestratorService(settings)
    async with service.running():
        assert service.pipelines is not None
        return await recover(
            service.pipelines, pipeline_id, lambda session_id: conversation_of(service, session_id)
        )


def make_parser() -> CommandParser:
    parser = CommandParser(
        prog="./run recover",
        description="Goes on with a turn whose process has died: what it had asked the model and "
        "which tools it had called is not done again. Prints the answer; where sessions are in "
        "Redis, their next connection is given it as well.",
    )
    parser.add_argument("pipeline_id", help="of the turn, as the log has it: SESSION.NUMBER")
    parser.add_argument("--config", default="", metavar="FILE", help="as of ./run orchestrator")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    return parser

"""The dashboards, as the JSON that Grafana is provisioned with."""

import json

from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from ops.monitoring.dashboards import conversations, nodes, orchestrator, pipeline
from ops.monitoring.objectives import ObjectiveFile


def dashboards(objectives: ObjectiveFile) -> dict[str, str]:
    """By file name."""
    return {
        "tts-pipeline.json": _json(pipeline.board(objectives)),
        "conversations.json": _json(conversations.board(objectives)),
        "workers-and-nodes.json": _json(nodes.board()),
        "orchestrator.json": _json(orchestrator.board()),
    }


def _json(board: Dashboard) -> str:
    return json.dumps(board.build(), cls=JSONEncoder, indent=1, sort_keys=True) + "\n"

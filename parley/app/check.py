"""Loads the apps that are named and says what is wrong: `python -m parley.app.check APP…`.

A process of its own, for whoever wants to know and is not to run what a developer wrote. On
standard output it has a JSON list of the apps' agents: name, language, voice.
"""

import json
import sys

from parley.app.agent import declared_agents
from parley.app.configured import turn_settings
from parley.app.loading import load_app
from parley.program import reported
from parley.settings import load_orchestrator


def main() -> int:
    """0 when each can be loaded; 2 and one sentence for the first that cannot."""
    settings = load_orchestrator()
    agents = [agent for name in sys.argv[1:] for agent in declared_agents(load_app(name))]
    for agent in agents:
        turn_settings(settings.turn, agent)
    json.dump(
        [{"name": a.name, "language": a.language, "voice": a.voice} for a in agents], sys.stdout
    )
    return 0


if __name__ == "__main__":
    sys.exit(reported(main))

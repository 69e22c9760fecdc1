"""`python -m parley.models [NAME...] [--llm NAME]`: puts models into the cache.

Without a name, those that the speech workers of `worker.yaml` load when they start. For machines
whose workers cannot reach the network: this runs once, beside them, and they find all they need.
"""

import argparse
import logging
import sys

from parley import models, paths
from parley.models.manifest import ModuleSource
from parley.models.needed import language_models, recognition_models, synthesis_models
from parley.program import reported
from parley.settings import load_worker
from parley.telemetry.logs import configure_logging

_log = logging.getLogger(__name__)


def main(arguments: list[str]) -> int:
    """Raises ConfigurationError, or ModelError for the first that cannot be had."""
    parser = argparse.ArgumentParser(prog="python -m parley.models", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="a voice or another model")
    parser.add_argument(
        "--llm",
        metavar="NAME",
        help="what the local language model's server serves by that llm.local_model: of auto, both",
    )
    options = parser.parse_args(arguments)
    names = [*options.names, *(language_models(options.llm) if options.llm else ())]
    settings = load_worker()
    configure_logging(settings.telemetry, part="models")
    wanted = names or [*synthesis_models(settings.tts), *recognition_models(settings.asr)]
    for name in wanted:
        if isinstance(models.find(name).source, ModuleSource):
            _log.info("%s comes with the package of its engine", name)
        else:
            _log.info("%s is in %s", name, models.ensure(name))
    if not wanted:
        _log.info("these workers need no model of %s", paths.cache_dir())
    return 0


if __name__ == "__main__":
    sys.exit(reported(lambda: main(sys.argv[1:])))

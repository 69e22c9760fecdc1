"""Settings: YAML files with `${ENV}` substitution, environment variables above them."""

from parley.settings.orchestrator import OrchestratorSettings, load_orchestrator
from parley.settings.worker import WorkerSettings, load_worker

__all__ = ["OrchestratorSettings", "WorkerSettings", "load_orchestrator", "load_worker"]

"""The experiments that the settings name."""

from dialogue.experiments.experiments import Experiments
from dialogue.experiments.sql import SqlExperiments
from parley import paths
from parley.errors import ConfigurationError
from parley.settings.experiments import ExperimentsSection

FILE = "operations.db"


def open_experiments(settings: ExperimentsSection) -> Experiments | None:
    """None: there are none. Connects to nothing yet; who opens them closes them.

    Raises ConfigurationError for a URL that the store cannot use, or a missing extra.
    """
    if not settings.enabled:
        return None
    if settings.store == "mongodb":
        url = settings.mongodb_url.get_secret_value()
        if not url:
            raise ConfigurationError(
                "experiments.store is mongodb, but experiments.mongodb_url (MONGODB_URL) is empty"
            )
        from dialogue.experiments.mongodb import MongoExperiments  # noqa: PLC0415 - an extra

        return Experiments(MongoExperiments(url, settings.mongodb_database))
    return Experiments(SqlExperiments(settings.url.get_secret_value() or paths.state_dir() / FILE))

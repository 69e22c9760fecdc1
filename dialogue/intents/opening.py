"""The classifier of intents that the settings name."""

from collections.abc import Mapping
from dataclasses import dataclass

from dialogue.embeddings.embedder import Embedder
from dialogue.intents.catalog import DeclaredIntent, load_catalog
from dialogue.intents.classifier import IntentClassifier
from dialogue.intents.local import THRESHOLD, LocalClassifier
from dialogue.intents.remote import RemoteClassifier
from dialogue.services.pool import CallGuard
from parley import paths
from parley.settings.intents import IntentsSection

_GIVE_UP_S = 5.0
"""After which a service elsewhere counts as lost; an answer has gone on without it long before."""


@dataclass(frozen=True)
class OpenedIntents:
    """`rules`: what an operator wants of each intent, by name, whoever tells them."""

    classifier: IntentClassifier
    rules: Mapping[str, DeclaredIntent]


def open_intents(
    settings: IntentsSection, embedder: Embedder | None, *, breaker: CallGuard | None = None
) -> OpenedIntents | None:
    """Connects to nothing yet; who opens it closes the classifier. None: the settings name
    neither a service nor a file, the file declares no intents, or it is the default's and is not
    there.

    Raises ConfigurationError for a file that cannot be used.
    """
    file = paths.config_dir() / settings.file
    is_given = settings.file and (file.exists() or settings.file != IntentsSection().file)
    catalog = load_catalog(file) if is_given else None
    rules = catalog.rules if catalog is not None else {}
    if settings.url:
        remote = RemoteClassifier(settings.url, timeout_s=_GIVE_UP_S, breaker=breaker)
        return OpenedIntents(remote, rules)
    if catalog is None or not rules:
        return None
    local = LocalClassifier(
        catalog,
        embedder if settings.embeddings else None,
        threshold=settings.threshold or THRESHOLD,
    )
    return OpenedIntents(local, rules)

"""The retriever that the settings name."""

from collections.abc import Callable
from pathlib import Path

from dialogue.embeddings.embedder import Embedder
from dialogue.retrieval.documents import DocumentFolder
from dialogue.retrieval.local import LocalRetriever
from dialogue.retrieval.postgres_store import PostgresPassages
from dialogue.retrieval.remote import RemoteRetriever
from dialogue.retrieval.retriever import Retriever
from dialogue.retrieval.sqlite_store import SqlitePassages
from dialogue.retrieval.store import IndexState, PassageStore
from dialogue.services.pool import CallGuard
from parley import paths
from parley.settings.retrieval import RetrievalSection

FILE = "documents.db"
_GIVE_UP_S = 5.0
"""After which a service elsewhere counts as lost; an answer has gone on without it long before."""


def open_retriever(
    settings: RetrievalSection,
    embedder: Embedder | None,
    *,
    breaker: CallGuard | None = None,
    on_event: Callable[[str, IndexState], None] = lambda name, state: None,
) -> Retriever | None:
    """Connects to nothing yet; who opens it closes it. None: the settings
    name neither a service nor a folder. `on_event`: see LocalRetriever.

    Raises ConfigurationError for a database that cannot be used.
    """
    if settings.url:
        return RemoteRetriever(settings.url, timeout_s=_GIVE_UP_S, breaker=breaker)
    if not settings.folder:
        return None
    folder = DocumentFolder(paths.config_dir() / Path(settings.folder).expanduser())
    return LocalRetriever(
        folder,
        _store(settings.database.get_secret_value()),
        embedder if settings.embeddings else None,
        check_s=settings.check_s,
        on_event=on_event,
    )


def _store(url: str) -> PassageStore:
    if url.startswith("postgresql://"):
        return PostgresPassages(url)
    return SqlitePassages(Path(url.removeprefix("sqlite:///")) if url else _file())


def _file() -> Path:
    return paths.state_dir() / FILE

"""Settings of retrieval: passages of documents that the model is shown."""

from typing import Annotated

from pydantic import BeforeValidator, Field, SecretStr

from parley.settings.source import Env, Section
from parley.settings.values import HttpAddress


def _database(value: object) -> object:
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, str) and value and not value.startswith(("postgresql://", "sqlite:///")):
        raise ValueError(
            "expected postgresql://user:password@host:port/database or sqlite:////file"
        )
    return value


class RetrievalSection(Section):
    """Documents of a folder, indexed here, or a service elsewhere."""

    folder: Annotated[str, Env("RAG_DOCUMENTS")] = Field(
        "",
        description="of .md, .txt, .html and .pdf files; relative to the configuration files; "
        "empty: nothing is retrieved here",
    )
    url: Annotated[HttpAddress, Env("RAG_SERVICE_URL")] = Field(
        "", description="a service that finds passages by POST /api/v1/query; empty: found here"
    )
    timeout_ms: Annotated[int, Env("RAG_TIMEOUT_MS")] = Field(
        150, ge=1, description="after which an answer goes on without passages"
    )
    database: Annotated[SecretStr, Env("RAG_DATABASE_URL"), BeforeValidator(_database)] = Field(
        SecretStr(""),
        description="where the index lies: postgresql://… or sqlite:////file; empty: the SQLite "
        "file documents.db in the state folder",
    )
    limit: int = Field(4, ge=1, le=20, description="passages that the model is shown")
    check_s: float = Field(
        30.0, gt=0, description="how often the folder is looked at for documents that have changed"
    )
    embeddings: bool = Field(
        True, description="whether passages are found by their meaning too; false: by words alone"
    )

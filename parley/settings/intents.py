"""Settings of intents: what a person wants, told before the model answers."""

from typing import Annotated

from pydantic import Field

from parley.settings.source import Env, Section
from parley.settings.values import HttpAddress


class IntentsSection(Section):
    """Intents of a file, told here, or by a service elsewhere."""

    file: Annotated[str, Env("INTENTS_FILE")] = Field(
        "intents.yaml",
        description="the intents and their examples, beside the configuration files; empty: none",
    )
    url: Annotated[HttpAddress, Env("INTENT_SERVICE_URL")] = Field(
        "", description="a service that tells them by POST /api/v1/classify; empty: told here"
    )
    timeout_ms: Annotated[int, Env("INTENT_TIMEOUT_MS")] = Field(
        100, ge=1, description="after which an answer goes on without the intent"
    )
    threshold: float = Field(
        0.0,
        ge=0.0,
        lt=1.0,
        description="confidence below which a text is none of the intents; 0: the fitted one",
    )
    embeddings: bool = Field(
        True, description="whether sentences are compared by their meaning; false: by words alone"
    )

"""docs/settings.md, written from the settings models: `python -m parley.settings.reference`."""

import sys
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from parley import paths
from parley.settings.livekit_server import LiveKitServerSettings
from parley.settings.orchestrator import OrchestratorSettings
from parley.settings.source import environment_variables, fields
from parley.settings.worker import WorkerSettings

FILES: MappingProxyType[str, type[BaseModel]] = MappingProxyType(
    {
        "orchestrator.yaml": OrchestratorSettings,
        "worker.yaml": WorkerSettings,
        "livekit.yaml": LiveKitServerSettings,
    }
)

OTHER_VARIABLES = MappingProxyType(
    {
        "PARLEY_CONFIG_DIR": "folder of the three files; `configs` of the checkout",
        "PARLEY_STATE_DIR": "keys, logs and pids of one running Parley; `.parley` of the checkout",
        "PARLEY_CACHE_DIR": "models and programs, shared by all checkouts; `~/.cache/parley`",
        "PARLEY_CALLED_FROM": "where modules of an app are looked for; the current folder",
        "PARLEY_PORT_OFFSET": "added to every port of this Parley, and to addresses of LiveKit, "
        "workers and agents on the loopback; 0",
        "ORCHESTRATOR_CONFIG_PATH": "settings of `./run orchestrator`; those of ORCHESTRATOR_ENV",
        "ORCHESTRATOR_ENV": "development or production: the file of `configs` with that name",
        "HF_ENDPOINT": "hub that voices and models come from; `https://huggingface.co`",
        "DYNAMODB_TABLE_NAME": "apps/shopping: table of requests; SQLite in the state folder",
        "MEDIA_BUCKET": "apps/shopping: S3 bucket of media; the state folder",
        "CATALOG_SERVICE_URL": "apps/shopping: catalogue services; catalogues of its own",
        "MEDIA_SERVICE_URL": "apps/shopping: reads media; recognition workers, a color classifier",
        "BESTBUY_API_KEY": "apps/shopping: searches Best Buy too; not searched",
        "EBAY_CLIENT_ID": "apps/shopping: searches eBay too, with the secret; not searched",
        "EBAY_CLIENT_SECRET": "apps/shopping: of EBAY_CLIENT_ID",
        "RESPONSE_COMPOSER_URL": "apps/shopping: ranks and writes answers; done here",
        "GRPC_VERBOSITY": "read by gRPC: DEBUG, INFO, ERROR or NONE",
        "CUDA_VISIBLE_DEVICES": "read by CUDA: the GPUs a worker may use",
        "PYTORCH_CUDA_ALLOC_CONF": "read by PyTorch: how it allocates memory of a GPU",
    }
)
"""Variables that are no settings of ours in a file."""

_HEAD = """# Settings

Three files in `configs/` hold every setting with its default and a word on each; environment
variables win over them, and a file `.env` beside `configs/` may hold those (`.env.example` lists
them all). `${NAME}` and `${NAME:-default}` in a file are substituted. `./run doctor` checks all
of it; an unknown key, a wrong value or an unset variable is an error that names file, line and
key.

This page is written by `python -m parley.settings.reference` from the settings models.
"""

_SHOWN_CHARACTERS = 60


def reference() -> str:
    """The whole page."""
    lines = [_HEAD]
    for name, model in FILES.items():
        lines += [f"## configs/{name}", "", "| key | default | meaning | variable |"]
        lines += ["|---|---|---|---|", *_rows(model), ""]
    lines += ["## Variables beside the files", "", "| variable | meaning; default |", "|---|---|"]
    lines += [f"| `{name}` | {meaning} |" for name, meaning in OTHER_VARIABLES.items()]
    return "\n".join(lines) + "\n"


def _rows(model: type[BaseModel]) -> Iterator[str]:
    variables = dict(environment_variables(model))
    for path, field in fields(model):
        variable = f"`{variables[path]}`" if path in variables else ""
        meaning = (field.description or "").replace("|", r"\|")
        yield f"| `{'.'.join(path)}` | {_default(field)} | {meaning} | {variable} |"


def _default(field: FieldInfo) -> str:
    value = field.default
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, bool):
        value = str(value).lower()
    if isinstance(value, tuple):
        value = ", ".join(value)
    if isinstance(value, Mapping) and value:
        value = ", ".join(value)
    text = str(value)
    if len(text) > _SHOWN_CHARACTERS:
        text = f"{text[: _SHOWN_CHARACTERS - 1]}…"
    return f"`{text}`" if text else ""


def main() -> int:
    (paths.repository() / "docs" / "settings.md").write_text(reference(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

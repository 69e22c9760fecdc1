"""Settings as they may be shown: no secret, and no password in an address."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, SecretStr

from parley.settings.source import Masked

MASK = "**********"
_CREDENTIALS = re.compile(r"(?<=://)[^/?#\s@]*@")
_QUERY = re.compile(r"(?<=\?)\S+")


def redacted(settings: BaseModel) -> dict[str, Any]:
    """As JSON has it. What is empty stays so, so that a secret that is missing is seen."""
    shown: dict[str, Any] = {}
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        is_masked = any(isinstance(mark, Masked) for mark in field.metadata)
        if is_masked and isinstance(value, str):
            shown[name] = _address(value) if "://" in value else MASK if value else ""
        else:
            shown[name] = _shown(value)
    return shown


def _shown(value: Any) -> Any:
    match value:
        case SecretStr():
            return MASK if value.get_secret_value() else ""
        case BaseModel():
            return redacted(value)
        case Mapping():
            return {str(key): _shown(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_shown(inner) for inner in value]
        case str() if "://" in value:
            return _address(value)
    return value if value is None or isinstance(value, int | float) else str(value)


def _address(text: str) -> str:
    """Without user, password and query, where tokens stand."""
    return _QUERY.sub(MASK, _CREDENTIALS.sub(f"{MASK}@", text))

"""The key that opens the records of calls to who runs this Parley."""

import hashlib
import hmac
import time

from pydantic import SecretStr

from parley.settings.record import RecordSection

PURPOSE = b"parley operator key\0"
OPEN_FOR_S = 12 * 3600
"""How long a browser that gave the key once may read on."""


def operator_key(settings: RecordSection, api_secret: SecretStr) -> str:
    """`record.operator_key`, or one made of LiveKit's secret: who has that may open any call."""
    own = settings.operator_key.get_secret_value()
    return own or _signed(api_secret.get_secret_value(), PURPOSE)[:40]


def is_key(key: str, given: str) -> bool:
    """In a time that says nothing of where they differ."""
    return hmac.compare_digest(key.encode(), given.encode())


def pass_of(key: str, *, now_s: float | None = None) -> str:
    """What a browser keeps in place of the key: good for OPEN_FOR_S, and for nothing else."""
    until_s = int((time.time() if now_s is None else now_s) + OPEN_FOR_S)
    return f"{until_s}.{_signed(key, f'pass {until_s}'.encode())}"


def is_pass(key: str, given: str, *, now_s: float | None = None) -> bool:
    """Whether it was made of this key and is not too old."""
    until, _, _ = given.partition(".")
    if not until.isascii() or not until.isdigit() or len(until) > 12:
        return False
    now_s = time.time() if now_s is None else now_s
    ours = f"{until}.{_signed(key, f'pass {until}'.encode())}"
    return is_key(ours, given) and now_s < int(until)


def _signed(secret: str, text: bytes) -> str:
    return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()

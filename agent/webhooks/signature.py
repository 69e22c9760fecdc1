"""Signed as Standard Webhooks has it (https://www.standardwebhooks.com, version 1.0)."""

import base64
import hashlib
import hmac
from collections.abc import Mapping

PREFIX = "whsec_"


def signed_headers(secret: str, *, event_id: str, at_s: int, body: bytes) -> Mapping[str, str]:
    """The headers of one attempt. `secret` is "whsec_" and base64; empty: nothing is signed.

    `at_s` is when it is sent, seconds since 1970: a receiver refuses what is old, so that nobody
    sends it again.
    """
    headers = {"webhook-id": event_id, "webhook-timestamp": str(at_s)}
    if secret:
        key = base64.b64decode(secret.removeprefix(PREFIX))
        content = f"{event_id}.{at_s}.".encode() + body
        digest = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest())
        headers["webhook-signature"] = f"v1,{digest.decode()}"
    return headers

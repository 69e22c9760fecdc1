"""Settings of the record of a call, and of the webhooks that tell of it."""

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from parley.settings.source import Env, Section
from parley.settings.values import HttpAddress

NAMED_PATTERNS = {
    "emails": r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+",
    "numbers": r"\+?\d(?:[ .()/-]*\d){5,}",
}
"""What `record.redact` may name in place of an expression."""
SHORTEST_OPERATOR_KEY = 16


def _pattern(text: str) -> str:
    try:
        re.compile(NAMED_PATTERNS.get(text, text))
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from None
    return text


def _place(text: str) -> str:
    if text.startswith("s3://") and not text.removeprefix("s3://").partition("/")[0]:
        raise ValueError("expected a folder, or s3://bucket/prefix")
    return text


def _operator_key(value: object) -> object:
    if isinstance(value, str) and 0 < len(value) < SHORTEST_OPERATOR_KEY:
        raise ValueError(f"a key has at least {SHORTEST_OPERATOR_KEY} characters")
    return value


def _webhook_secret(value: object) -> object:
    if isinstance(value, str) and value and not re.fullmatch(r"whsec_[A-Za-z0-9+/]{32,}=*", value):
        raise ValueError("expected whsec_ and at least 24 bytes in base64")
    return value


class RecordSection(Section):
    """The record of each call: its sound, its words, what happened when."""

    enabled: Annotated[bool, Env("RECORD_ENABLED")] = Field(
        False, description="whether calls are recorded; clients are told while it goes on"
    )
    audio: bool = Field(True, description="false: words and events alone are kept")
    place: Annotated[str, Env("RECORD_PLACE"), AfterValidator(_place)] = Field(
        "",
        description="a folder, or s3://bucket/prefix (needs the extra s3); empty: calls in the "
        "state folder",
    )
    s3_endpoint: Annotated[HttpAddress, Env("RECORD_S3_ENDPOINT")] = Field(
        "", description="of an S3-compatible server; empty: Amazon's"
    )
    s3_region: Annotated[str, Env("RECORD_S3_REGION")] = Field(
        "us-east-1", min_length=1, description="of the bucket"
    )
    s3_key_id: Annotated[str, Env("RECORD_S3_KEY_ID")] = Field(
        "", description="access key; empty: what the machine's own role allows"
    )
    s3_secret: Annotated[SecretStr, Env("RECORD_S3_SECRET")] = Field(
        SecretStr(""), description="of that access key"
    )
    keep_days: int = Field(30, ge=0, description="after which a record is deleted; 0: never")
    keep_gb: float = Field(
        10.0, ge=0, description="of all records together; the oldest go first; 0: no limit"
    )
    caller_hours: float = Field(
        24.0,
        ge=0,
        description="so long after it began, who had a call may fetch its sound; 0: operators "
        "alone",
    )
    redact: tuple[Annotated[str, AfterValidator(_pattern)], ...] = Field(
        (),
        description="what is blackened in all that is written: emails, numbers (six digits and "
        "more), or regular expressions. The sound stays as it is: see audio",
    )
    operator_key: Annotated[SecretStr, Env("OPERATOR_KEY"), BeforeValidator(_operator_key)] = Field(
        SecretStr(""),
        description="opens the pages /calls; empty: a key made of livekit.api_secret, which "
        "`./run calls` shows",
    )


class WebhookSection(Section):
    """Whom the agent tells that a call has begun, a turn ended, a call ended."""

    url: Annotated[HttpAddress, Env("WEBHOOK_URL")] = Field(
        "", description="gets each event by POST; empty: nobody is told"
    )
    secret: Annotated[SecretStr, Env("WEBHOOK_SECRET"), BeforeValidator(_webhook_secret)] = Field(
        SecretStr(""), description="signs the events: whsec_ and at least 24 bytes in base64"
    )
    private: bool = Field(
        False,
        description="true: http, and addresses of this machine and of private networks, are "
        "allowed as its target",
    )
    give_up_after_s: int = Field(
        3600, ge=1, description="how long an event is tried again that is not taken"
    )

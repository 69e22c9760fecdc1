"""What can go wrong for a shopper, each with a code of its own and whether to try again."""

from http import HTTPStatus
from typing import Any

import httpx2

from parley import LanguageModelError

VALIDATION = "validation_error"
UNAVAILABLE = "service_unavailable"
TIMEOUT = "timeout"
AUTHENTICATION = "authentication_error"
RATE_LIMIT = "rate_limited"

_RETRYABLE = frozenset({UNAVAILABLE, TIMEOUT, RATE_LIMIT})
_MODEL_CODES = {
    "model_unauthorized": AUTHENTICATION,
    "model_busy": RATE_LIMIT,
    "model_quota": RATE_LIMIT,
    "model_timeout": TIMEOUT,
}


class ShoppingError(Exception):
    """Something that the shopper is told: `code`, one sentence, and whether trying again helps."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    @property
    def retryable(self) -> bool:
        return self.code in _RETRYABLE


def of_http(error: httpx2.HTTPError, what: str) -> ShoppingError:
    """Of a request to a service, which is called `what`."""
    if isinstance(error, httpx2.TimeoutException):
        return ShoppingError(TIMEOUT, f"{what} did not answer in time.")
    if isinstance(error, httpx2.HTTPStatusError):
        status = error.response.status_code
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            return ShoppingError(AUTHENTICATION, f"{what} refuses our credentials.")
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            return ShoppingError(RATE_LIMIT, f"{what} gets too many requests right now.")
        if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
            return ShoppingError(VALIDATION, f"{what} does not understand the request.")
    return ShoppingError(UNAVAILABLE, f"{what} cannot be reached right now.")


def object_of(response: httpx2.Response, what: str) -> dict[str, Any]:
    """The JSON object that a service answers, which is called `what`; empty for other JSON. Raises
    ShoppingError."""
    try:
        response.raise_for_status()
        reply = response.json()
    except httpx2.HTTPError as error:
        raise of_http(error, what) from error
    except ValueError as error:
        raise ShoppingError(UNAVAILABLE, f"{what} gives no JSON.") from error
    return reply if isinstance(reply, dict) else {}


def of_model(error: LanguageModelError) -> ShoppingError:
    """Of the language model."""
    return ShoppingError(_MODEL_CODES.get(error.code, UNAVAILABLE), str(error))

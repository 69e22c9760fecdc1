"""What goes wrong between Parley and a language model, told so that a person can act on it."""

import json

import openai

from parley.errors import ParleyError


class ModelRequestError(ParleyError):
    """A request to the language model that failed.

    `code` is for programs: model_unauthorized, model_not_found, model_quota, model_busy,
    model_refused, model_unavailable, model_unreachable, model_timeout, model_broken_answer.
    `retryable`: the same request may succeed a little later.
    """

    def __init__(self, message: str, *, code: str, retryable: bool) -> None:
        super().__init__(message)
        self.code = code
        self.retryable = retryable


def as_model_request_error(error: Exception, *, at: str) -> ModelRequestError:
    """The error of a client as one of ours; `at` is the server's address."""
    if isinstance(error, openai.APIStatusError):
        return _of_status(error, at)
    if isinstance(error, openai.APITimeoutError):
        return ModelRequestError(
            f"the language model at {at} did not answer in time",
            code="model_timeout",
            retryable=True,
        )
    if isinstance(error, openai.APIConnectionError):
        return ModelRequestError(
            f"the language model at {at} cannot be reached, or the connection broke: "
            f"{error.__cause__ or error}",
            code="model_unreachable",
            retryable=True,
        )
    if isinstance(error, json.JSONDecodeError | openai.APIResponseValidationError):
        return ModelRequestError(
            f"the language model at {at} sent what is no answer: {error}",
            code="model_broken_answer",
            retryable=True,
        )
    # An error within the stream, or one of the transport that the client did not translate.
    return ModelRequestError(
        f"the language model at {at} broke off: {error}", code="model_unavailable", retryable=True
    )


def _of_status(error: openai.APIStatusError, at: str) -> ModelRequestError:
    status, said = error.status_code, _said(error)
    if status in (401, 403):
        code, what, retryable = "model_unauthorized", "refuses the key (OPENAI_API_KEY)", False
    elif status == 404:
        code, what, retryable = "model_not_found", "does not know the model or the address", False
    elif status == 402 or error.code == "insufficient_quota":
        code, what, retryable = "model_quota", "wants to be paid first", False
    elif status == 429:
        code, what, retryable = "model_busy", "gets too many requests", True
    elif status in (408, 504):
        code, what, retryable = "model_timeout", "did not answer in time", True
    elif status >= 500:
        code, what, retryable = "model_unavailable", "has failed", True
    else:
        code, what, retryable = "model_refused", "refuses the request", False
    return ModelRequestError(
        f"the language model at {at} {what} ({status}): {said}", code=code, retryable=retryable
    )


def _said(error: openai.APIStatusError) -> str:
    body = error.body
    message = body.get("message") if isinstance(body, dict) else None
    return str(message or error.message)

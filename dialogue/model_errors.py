"""What goes wrong between Parley and a language model, told so that a person can act on it."""

import json

import openai

from parley.errors import ParleyError

PERMANENT = {
    "model_unauthorized": "The language model refuses the key that it is used with.",
    "model_not_found": "The language model that is configured does not exist.",
    "model_quota": "The language model's service wants to be paid first.",
}
"""Faults that last until somebody changes the configuration, each as people are told of it."""
_PASSING = {
    "model_busy": "The language model gets too many requests right now.",
    "model_timeout": "The language model did not answer in time.",
    "model_refused": "The language model refuses the request.",
    "model_broken_answer": "The language model's answer cannot be understood.",
}
_AWAY = "The language model does not answer right now."
_LEAST_SECRET_CHARS = 4


class ModelRequestError(ParleyError):
    """A request to the language model that failed.

    `code` is for programs: model_unauthorized, model_not_found, model_quota, model_busy,
    model_refused, model_unavailable, model_unreachable, model_timeout, model_broken_answer.
    `retryable`: the same request may succeed a little later. The text is for operators: it names
    the address, never the key.
    """

    def __init__(self, message: str, *, code: str, retryable: bool) -> None:
        super().__init__(message)
        self.code = code
        self.retryable = retryable

    @property
    def is_permanent(self) -> bool:
        """Whether it lasts until somebody changes the configuration."""
        return self.code in PERMANENT

    @property
    def for_people(self) -> str:
        """One sentence for whoever talks with the agent: no address, and nothing a server said."""
        return PERMANENT.get(self.code) or _PASSING.get(self.code) or _AWAY


def as_model_request_error(
    error: Exception, *, at: str, key: str = "", model: str = ""
) -> ModelRequestError:
    """The error of a client as one of ours; `at` is the server's address, `key` what must not be
    in it, and `model` the name that was asked for."""
    told = _of(error, at, model)
    return ModelRequestError(without_key(str(told), key), code=told.code, retryable=told.retryable)


def without_key(text: str, key: str) -> str:
    """The text with the key taken out, where a server or a client repeats it."""
    if len(key) < _LEAST_SECRET_CHARS:
        return text
    for written in (key, repr(key)[1:-1], json.dumps(key)[1:-1]):
        text = text.replace(written, "(the key)")
    return text


def _of(error: Exception, at: str, model: str) -> ModelRequestError:
    if isinstance(error, openai.APIStatusError):
        return of_status(
            error.status_code,
            _said(error),
            at=at,
            model=model,
            code=error.code or "",
            key_is="key (OPENAI_API_KEY)",
        )
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


def of_status(
    status: int, said: str, *, at: str, model: str = "", code: str = "", key_is: str = "key"
) -> ModelRequestError:
    """The error that an HTTP status says. `said` is the server's own message, `code` its own code
    where it has one, `model` the name that was asked for, `key_is` how the key is called."""
    names_model = bool(model) and model in said and "model" in said.replace(model, "").lower()
    if status in (401, 403):
        ours, what, retryable = "model_unauthorized", f"refuses the {key_is}", False
    elif status == 404 or (status in (400, 422) and names_model):
        ours, what, retryable = "model_not_found", "does not know the model or the address", False
    elif status == 402 or code == "insufficient_quota":
        ours, what, retryable = "model_quota", "wants to be paid first", False
    elif status == 429:
        ours, what, retryable = "model_busy", "gets too many requests", True
    elif status in (408, 504):
        ours, what, retryable = "model_timeout", "did not answer in time", True
    elif status >= 500:
        ours, what, retryable = "model_unavailable", "has failed", True
    else:
        ours, what, retryable = "model_refused", "refuses the request", False
    return ModelRequestError(
        f"the language model at {at} {what} ({status}): {said}", code=ours, retryable=retryable
    )


def _said(error: openai.APIStatusError) -> str:
    body = error.body
    message = body.get("message") if isinstance(body, dict) else None
    return str(message or error.message)

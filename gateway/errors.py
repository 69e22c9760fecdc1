"""What the API answers when a request cannot be served: always `{"error": {"code", "message"}}`."""

import logging
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

_log = logging.getLogger(__name__)


class ApiError(HTTPException):
    """A refusal: HTTP `status`, `code` for programs, `message` for people."""

    def __init__(
        self, status: HTTPStatus, code: str, message: str, *, retry_after_s: int | None = None
    ) -> None:
        headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
        super().__init__(status, message, headers)
        self.code = code


def error_response(status: int, code: str, message: str) -> JSONResponse:
    return JSONResponse({"error": {"code": code, "message": message}}, status_code=status)


def install_error_handlers(app: FastAPI) -> None:
    """Gives every failure of `app` the one shape."""
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _failed)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    problem = error.errors()[0]
    if problem["type"] == "json_invalid":
        return error_response(
            HTTPStatus.BAD_REQUEST, "not_json", "the request's body is not valid JSON"
        )
    # loc starts with "body", and pydantic's texts start with a capital.
    field = ".".join(str(part) for part in problem["loc"][1:]) or "body"
    message = problem["msg"].removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    return error_response(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_request", f"{field}: {message}")


async def _http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    code = error.code if isinstance(error, ApiError) else status.name.lower()
    response = error_response(status, code, error.detail or status.phrase)
    response.headers.update(error.headers or {})
    return response


async def _failed(request: Request, error: Exception) -> JSONResponse:
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return error_response(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "internal_error",
        "the gateway failed; its log says why",
    )

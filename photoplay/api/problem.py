"""The only place where an error becomes an answer: RFC 9457 problem+json, with the older fields."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from photoplay.api.rate_limit import rate_limit_headers
from photoplay.domain.errors import (
    InvalidRequestError,
    NotFoundError,
    PayloadTooLargeError,
    PhotoplayError,
    RateLimitedError,
    RequestError,
    UnauthenticatedError,
    UnavailableError,
    UnprocessableRequestError,
)
from photoplay.storage.errors import StorageUnavailableError
from photoplay.telemetry import get_logger

MEDIA_TYPE = "application/problem+json"
_DOCS = "https://github.com/photoplay/photoplay/blob/main/docs/api.md#"
_TITLES = {
    400: "Bad request",
    401: "Not signed in",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    410: "Gone",
    413: "Content too large",
    415: "Unsupported media type",
    422: "Unprocessable content",
    429: "Too many requests",
    500: "Internal error",
    503: "Unavailable",
}
_MALFORMED = ("malformed_json", "The body is not valid JSON.")
_NO_BODY = ("missing", ("body",))
# What the framework refuses by itself: the code and text for each of its statuses.
_FRAMEWORK = {
    400: _MALFORMED,
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not take this method."),
}
_log = get_logger(__name__)


def problem(
    request: Request,
    status: int,
    code: str,
    detail: str,
    *,
    retryable: bool = False,
    details: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return an error answer; `error` and `success` are what older clients read."""
    body: dict[str, Any] = {
        "type": _DOCS + code,
        "title": _TITLES.get(status, "Error"),
        "status": status,
        "detail": detail,
        "instance": request.url.path,
        "code": code,
        "retryable": retryable,
        "request_id": request.scope.get("request_id", ""),
        "success": False,
        "error": detail,
    }
    if details:
        body["details"] = dict(details)
    return Response(
        json.dumps(body, ensure_ascii=False),
        status,
        headers=dict(headers or {}),
        media_type=MEDIA_TYPE,
    )


def answer_for(request: Request, error: PhotoplayError) -> Response:
    """Return the answer to one of our errors."""
    match error:
        case RateLimitedError():
            wait = str(max(math.ceil(error.retry_after.total_seconds()), 1))
            headers = {"Retry-After": wait, **rate_limit_headers(error.standings)}
            return problem(
                request,
                429,
                error.code,
                error.message,
                retryable=True,
                details=error.details,
                headers=headers,
            )
        case UnauthenticatedError():
            return problem(
                request, 401, error.code, error.message, headers={"WWW-Authenticate": "Bearer"}
            )
        case RequestError():
            # What was not read of the body must not be taken for another request.
            headers = {"Connection": "close"} if isinstance(error, PayloadTooLargeError) else None
            return problem(
                request,
                error.status,
                error.code,
                error.message,
                details=error.details,
                headers=headers,
            )
        case UnavailableError() | StorageUnavailableError():
            return problem(
                request,
                503,
                error.code,
                "The service is not available at the moment; send the same request again.",
                retryable=True,
                headers={"Retry-After": "2"},
            )
        case _:
            _log.error("request.failed", code=error.code, error=type(error).__name__)
            return crash(request)


def crash(request: Request) -> Response:
    """Return the answer to what nobody foresaw."""
    return problem(request, 500, "internal", "Something went wrong on our side.")


def install(app: FastAPI) -> None:
    """Answer every error of the application in this form."""

    async def ours(request: Request, error: Exception) -> Response:
        if not isinstance(error, PhotoplayError):
            raise error
        return answer_for(request, error)

    async def invalid(request: Request, error: Exception) -> Response:
        if not isinstance(error, RequestValidationError):
            raise error
        return answer_for(request, validation_error(error.errors()))

    async def http(request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            raise error
        code, detail = _FRAMEWORK.get(error.status_code, ("http", str(error.detail)))
        headers = dict(error.headers or {})
        if error.status_code == 405:
            # The framework names those of one route; an address may have several.
            headers["Allow"] = ", ".join(_methods_at(request))
        return problem(request, error.status_code, code, detail, headers=headers)

    app.add_exception_handler(PhotoplayError, ours)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)


def _methods_at(request: Request) -> list[str]:
    """Return every method that the request's address takes."""
    routes = request.app.router.routes
    return [
        method
        for method in ("DELETE", "GET", "HEAD", "POST", "PUT")
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL for route in routes
        )
    ]


def validation_error(errors: Any) -> RequestError:
    """Name every field that is wrong, its problem and where it matters the remedy; never its value."""
    fields: list[dict[str, str]] = []
    for error in errors:
        if error["loc"][0] == "path":
            code, detail = _FRAMEWORK[404]
            return NotFoundError(detail, code=code)
        if error["type"] == "json_invalid" or (error["type"], error["loc"]) == _NO_BODY:
            code, detail = _MALFORMED
            return InvalidRequestError(detail, code=code)
        place = ".".join(
            str(part) for part in error["loc"] if part not in {"body", "query", "path", "header"}
        )
        text = "is not known" if error["type"] == "extra_forbidden" else str(error["msg"])
        fields.append({"field": place or "body", "problem": text})
    listed = "; ".join(f"{f['field']}: {f['problem']}" for f in fields)
    return UnprocessableRequestError(listed, code="unprocessable", details={"fields": fields})

"""POST /api/video/callbacks: a provider says "look now". Its word decides nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from photoplay.api import wire
from photoplay.api.metrics import CALLBACKS
from photoplay.api.service import service_of
from photoplay.api.views import success
from photoplay.db.pool import Database
from photoplay.domain.errors import NotFoundError, PayloadTooLargeError, UnauthenticatedError
from photoplay.domain.outcomes import Forged, Hint
from photoplay.operations.record_callback import (
    CalledAttempt,
    find_attempt,
    record_callback,
    record_forged_callback,
)
from photoplay.telemetry import get_logger

router = APIRouter(prefix="/api/video/callbacks", tags=["callbacks"])

_MAX_BODY: Final = 1 << 20
_log = get_logger(__name__)


@router.post(
    "/{provider}/{token}",
    response_model=wire.Success[None],
    responses={
        401: {"model": wire.Problem},
        404: {"model": wire.Problem},
        413: {"model": wire.Problem},
    },
)
async def callback(
    request: Request,
    provider: Annotated[str, Path(max_length=64)],
    token: Annotated[str, Path(max_length=128)],
) -> Response:
    """Take a provider's callback: verified over its raw bytes, then the task is looked at.

    Duplicates, early, late and unordered ones all answer 200 and have at most one effect.
    """
    service = service_of(request)
    remote = service.registry.remotes.get(provider)
    attempt = await find_attempt(service.database, token)
    if remote is None or attempt is None or attempt.provider != provider:
        raise NotFoundError("There is nothing at this address.")
    body = await _body(request)
    outcome = await service.callback_keys.verify(
        remote.provider, dict(request.headers), body, datetime.now(UTC)
    )
    match outcome:
        case Forged(reason):
            _log.warning("callback.refused", provider=provider, reason=reason)
            raise await _forged(service.database, attempt, "The signature does not hold.")
        case Hint(task_id):
            if _names_another_task(attempt.provider_task_id, task_id):
                raise await _forged(service.database, attempt, "The callback is another task's.")
            result = await record_callback(service.database, attempt, task_id)
            CALLBACKS.labels(provider, result).inc()
    return success(None)


async def _forged(database: Database, attempt: CalledAttempt, message: str) -> UnauthenticatedError:
    CALLBACKS.labels(attempt.provider, "forged").inc()
    await record_forged_callback(database, attempt)
    return UnauthenticatedError(message, code="callback_forged")


def _names_another_task(known: str | None, named: str | None) -> bool:
    return known is not None and named is not None and known != named


async def _body(request: Request) -> bytes:
    chunks: list[bytes] = []
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        if received > _MAX_BODY:
            raise PayloadTooLargeError(f"A callback has at most {_MAX_BODY} bytes.")
        chunks.append(chunk)
    return b"".join(chunks)

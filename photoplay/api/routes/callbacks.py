"""POST /api/video/callbacks: a provider says "look now". Its word decides nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from photoplay.api import wire
from photoplay.api.service import service_of
from photoplay.api.views import success
from photoplay.domain.errors import NotFoundError, PayloadTooLargeError, UnauthenticatedError
from photoplay.domain.outcomes import Forged, Hint
from photoplay.operations.record_callback import find_attempt, record_callback
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
            raise UnauthenticatedError("The signature does not hold.", code="callback_forged")
        case Hint(task_id):
            if _names_another_task(attempt.provider_task_id, task_id):
                raise UnauthenticatedError(
                    "The callback is another task's.", code="callback_forged"
                )
            await record_callback(service.database, attempt, task_id)
    return success(None)


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

"""POST /api/video/animate: one wish, one job."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Request
from starlette.responses import Response

from photoplay.api import wire
from photoplay.api.identity import current_identity
from photoplay.api.json_route import JsonRoute
from photoplay.api.metrics import JOBS_CREATED
from photoplay.api.rate_limit import rate_limit_headers
from photoplay.api.service import Identity, Service, service_of
from photoplay.api.views import success
from photoplay.db.pool import writer
from photoplay.domain.capability import fit
from photoplay.domain.errors import InvalidRequestError, RequestError
from photoplay.domain.fingerprint import Picture
from photoplay.domain.options import MotionOptions
from photoplay.network.errors import UrlNotAllowedError
from photoplay.network.guard import resolve_allowed
from photoplay.operations.create_job import CreatedJob, NewJob, create_job, replay_job
from photoplay.telemetry import get_logger

router = APIRouter(prefix="/api/video", tags=["jobs"], route_class=JsonRoute)
_log = get_logger(__name__)


@router.post(
    "/animate",
    status_code=202,
    response_model=wire.Success[wire.CreatedJob],
    responses={200: {"model": wire.Success[wire.CreatedJob]}, 400: {"model": wire.Problem},
               401: {"model": wire.Problem}, 410: {"model": wire.Problem}, 413: {"model": wire.Problem},
               422: {"model": wire.Problem}, 429: {"model": wire.Problem}, 503: {"model": wire.Problem}},
)  # fmt: skip
async def animate(
    request: Request,
    body: wire.AnimateRequest,
    identity: Annotated[Identity, Depends(current_identity)],
    idempotency_key: Annotated[wire.Key | None, Header()] = None,
) -> Response:
    """Turn a picture into a video, once per `clientRequestId` (or `Idempotency-Key`).

    A repeated request answers 200 with the same job. Follow the job at the address in `Location`.
    """
    service = service_of(request)
    try:
        new = _new_job(service, body, idempotency_key)
        created = await _create(service, identity, new)
    except RequestError as error:
        JOBS_CREATED.labels(error.code).inc()
        raise
    JOBS_CREATED.labels("duplicate" if created.duplicate else "created").inc()
    if not created.duplicate:
        _log.info(
            "job.creating",
            user_id=str(identity.user_id),
            client_request_id=new.key,
            job_id=str(created.id),
        )
    return _answer(created)


def _new_job(service: Service, body: wire.AnimateRequest, header_key: str | None) -> NewJob:
    if header_key and body.clientRequestId and header_key != body.clientRequestId:
        raise InvalidRequestError(
            "clientRequestId and Idempotency-Key are the same thing and must not differ; send one of them",
            code="idempotency_key_mismatch",
        )
    options = body.options.to_domain()
    return NewJob(
        picture=_picture(body),
        options=options,
        provider=_provider(service, options),
        prompt=body.prompt or None,
        key=body.clientRequestId or header_key,
        estimate_usd=service.registry.expected_usd(options, service.settings.option_defaults),
    )


def _picture(body: wire.AnimateRequest) -> Picture:
    named = [n for n in (body.imageId, body.sourceImagePath, body.sourceImageUrl) if n is not None]
    if len(named) != 1:
        raise InvalidRequestError(
            "Name the picture by exactly one of imageId, sourceImagePath and sourceImageUrl.",
            code="image_required" if not named else "image_ambiguous",
        )
    unknown = InvalidRequestError("There is no such picture.", code="image_not_found")
    if body.imageId is not None:
        try:
            return Picture(image_id=UUID(body.imageId))
        except ValueError:
            raise unknown from None
    if body.sourceImagePath is not None:
        picture = Picture.at_path(body.sourceImagePath)
        if picture is None:
            raise unknown
        return picture
    return Picture(url=body.sourceImageUrl)


def _provider(service: Service, options: MotionOptions) -> str:
    """Return the provider that is tried first; an unfit wish is refused before anything exists."""
    capabilities = service.registry.capabilities
    name = options.provider or service.registry.order[0]
    capability = capabilities.get(name)
    if capability is None:
        raise InvalidRequestError(
            f"options.provider: not available here; use one of {', '.join(capabilities)}",
            code="unknown_provider",
        )
    fit(options, capability, service.settings.option_defaults)
    return name


async def _create(service: Service, identity: Identity, new: NewJob) -> CreatedJob:
    scope = writer(identity.user_id)
    overdue_after = service.settings.overdue_after
    try:
        if new.picture.url is not None:
            await resolve_allowed(new.picture.url, service.addresses, resolver=service.resolver)
        return await create_job(service.database, scope, new, overdue_after=overdue_after)
    except UrlNotAllowedError:
        # A replay is answered also when the address has become unusable since.
        replayed = await replay_job(service.database, scope, new)
        if replayed is None:
            raise
        return replayed
    except InvalidRequestError as error:
        if error.code != "image_not_found" or new.picture.path is None:
            raise
        # The path may name a picture that was put into the store without passing intake yet.
        adopted = await service.intake.adopt(scope, identity.user_id, new.picture.path)
        return await create_job(
            service.database, scope, new, image_id=adopted, overdue_after=overdue_after
        )


def _answer(created: CreatedJob) -> Response:
    headers = {"Location": f"/api/video/jobs/{created.id}", "Retry-After": "1"}
    if created.replayed:
        headers["Idempotent-Replayed"] = "true"
    headers |= rate_limit_headers(created.standings)
    return success(
        {
            "jobId": created.id,
            "status": created.status,
            "provider": created.provider,
            "createdAt": created.created_at,
            "duplicate": created.duplicate,
        },
        status=200 if created.duplicate else 202,
        headers=headers,
    )

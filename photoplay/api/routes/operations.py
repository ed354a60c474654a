"""/healthz, /readyz, /metrics: for those who run it."""

from __future__ import annotations

from fastapi import APIRouter, Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.core import GaugeMetricFamily
from starlette.responses import JSONResponse, Response

from photoplay.api.metrics import REGISTRY
from photoplay.api.service import Service, service_of
from photoplay.db.migrate import all_migrations
from photoplay.db.pool import ADMIN
from photoplay.domain.errors import PhotoplayError

router = APIRouter(tags=["operations"])


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """Say that the process answers; nothing else is looked at."""
    return {"status": "ok"}


@router.get("/readyz", responses={503: {"description": "A part is not ready; `checks` names it."}})
async def readyz(request: Request) -> Response:
    """Say whether requests can be served: database, schema, store, and a worker seen lately."""
    service = service_of(request)
    checks = {"database": "ok", "schema": "ok", "store": "ok", "workers": "ok"}
    try:
        row = (await service.database.once(ADMIN, "get_readiness", {}))[0]
        expected = {m.name for m in all_migrations()}
        if not expected <= set(row["migrations"]):
            checks["schema"] = "out of date: run photoplay migrate"
        if row["workers"] == 0:
            checks["workers"] = "none seen in the last minute"
    except PhotoplayError as error:
        checks["database"] = error.code
    try:
        await service.store.check()
    except PhotoplayError as error:
        checks["store"] = error.code
    key_set = service.authenticator.key_set
    if key_set is not None:
        checks["identity"] = "identity_unavailable" if key_set.is_empty else "ok"
    # Without a worker jobs are still accepted and wait; that alone is no reason to stop serving.
    ready = all(
        checks.get(part, "ok") == "ok" for part in ("database", "schema", "store", "identity")
    )
    return JSONResponse({"ready": ready, "checks": checks}, 200 if ready else 503)


@router.get("/metrics", response_class=Response)
async def metrics(request: Request) -> Response:
    """Figures for Prometheus."""
    text = generate_latest(REGISTRY) + await _database_figures(service_of(request))
    return Response(text, media_type=CONTENT_TYPE_LATEST)


async def _database_figures(service: Service) -> bytes:
    up = GaugeMetricFamily("photoplay_database_up", "1 when the database answered this scrape.")
    families = [up]
    try:
        rows = await service.database.once(ADMIN, "get_figures", {})
    except PhotoplayError:
        up.add_metric([], 0)
    else:
        up.add_metric([], 1)
        by_name: dict[str, GaugeMetricFamily] = {}
        for row in rows:
            family = by_name.setdefault(
                row["figure"],
                GaugeMetricFamily(f"photoplay_{row['figure']}", row["meaning"], labels=["kind"]),
            )
            family.add_metric([row["kind"]], float(row["value"]))
        families += by_name.values()

    class _Once:
        def collect(self) -> list[GaugeMetricFamily]:
            return families

    from prometheus_client import CollectorRegistry

    registry = CollectorRegistry()
    registry.register(_Once())  # pyright: ignore[reportArgumentType] -- duck-typed by the library
    return generate_latest(registry)

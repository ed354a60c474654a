"""The control room at `/admin`: pages for whoever operates the installation. No script, no outside address."""

from __future__ import annotations

from starlette.routing import BaseRoute

from photoplay.api.routes.control_room import (
    audit,
    jobs,
    overview,
    providers,
    quotas,
    sign_in,
    users,
    workers,
)

routes: list[BaseRoute] = [
    route
    for resource in (overview, jobs, users, providers, quotas, workers, audit, sign_in)
    for route in resource.routes
]

"""The application: its parts opened, its routes mounted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from photoplay.api import problem
from photoplay.api.authentication.authenticator import Authenticator
from photoplay.api.authentication.key_set import check_address
from photoplay.api.callback_keys import CallbackKeys
from photoplay.api.middleware import LocalModeMiddleware, RequestMiddleware
from photoplay.api.openapi import describe
from photoplay.api.routes import (
    admin,
    animate,
    callbacks,
    control_room,
    elements,
    events,
    images,
    jobs,
    media,
    offers,
    operations,
    quota,
    studio,
)
from photoplay.api.service import Service
from photoplay.db.changes import JobChanges
from photoplay.db.pool import Database
from photoplay.network.addresses import AddressPolicy
from photoplay.network.guard import SystemResolver
from photoplay.network.sender import Sender
from photoplay.operations.set_limits import set_limits
from photoplay.stack import Stack

_CORS_REQUEST_HEADERS = (
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-None-Match",
    "Last-Event-ID",
    "Prefer",
    "Range",
    "X-On-Behalf-Of",
    "X-Request-Id",
)
_CORS_ANSWER_HEADERS = (
    "ETag",
    "Idempotent-Replayed",
    "Location",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "X-Request-Id",
)


def create_app(stack: Stack, *, base_url: str) -> FastAPI:
    """Return the application for an opened installation.

    Args:
        base_url: how clients reach this server; `PHOTOPLAY_PUBLIC_URL` wins over it.
    """
    settings = stack.settings
    check_address(settings)
    app = FastAPI(
        lifespan=_lifespan(stack, base_url),
        redirect_slashes=False,
        redoc_url=None,
        docs_url=None,
    )
    describe(app)
    problem.install(app)
    mount(app)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.cors_origins),
            # Session cookies for origins that are named; never for everybody.
            allow_credentials="*" not in settings.cors_origins,
            allow_methods=["GET", "HEAD", "POST", "PUT", "DELETE"],
            allow_headers=_CORS_REQUEST_HEADERS,
            expose_headers=_CORS_ANSWER_HEADERS,
        )
    if settings.is_local_mode:
        app.add_middleware(LocalModeMiddleware)
    is_https = (settings.public_url or "").startswith("https://")
    app.add_middleware(RequestMiddleware, is_https=is_https)
    return app


def mount(app: FastAPI) -> None:
    """Add every route; a new resource is one file and one name here."""
    own = (animate, callbacks, events, jobs, images, offers, quota, media, operations)
    for resource in (*own, *admin.resources):
        app.include_router(resource.router)
    app.router.routes.extend([*studio.routes, *elements.routes, *control_room.routes])


def _lifespan(
    stack: Stack, base_url: str
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        settings = stack.settings
        direct = Database(stack.direct_dsn, size=1, application_name="photoplay-changes")
        policy = AddressPolicy(settings.allowed_networks)
        # Names that strangers choose must not hold up the look-ups for providers.
        resolver, provider_resolver = SystemResolver(), SystemResolver()
        async with (
            stack.database(
                size=settings.database_pool_size,
                name="photoplay-api",
                statement_timeout=settings.statement_timeout,
            ) as database,
            Sender(policy, provider_resolver) as sender,
        ):
            authenticator = Authenticator(settings, database, sender)
            changes = JobChanges(direct, role="authenticated")
            app.state.service = Service(
                settings=settings,
                database=database,
                store=stack.store,
                intake=stack.intake(database),
                changes=changes,
                registry=stack.registry,
                media_secrets=(stack.media_secret,),
                addresses=policy,
                resolver=resolver,
                callback_keys=CallbackKeys(sender),
                authenticator=authenticator,
                base_url=settings.public_url or base_url,
            )
            await set_limits(database, **settings.limits)
            await stack.decoders.warm()
            listening = asyncio.create_task(changes.run(), name="job-changes")
            try:
                async with authenticator.opened():
                    yield
            finally:
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)

    return lifespan

"""/api/admin: for operators. One file a resource; each write leaves an audit row in its transaction."""

from __future__ import annotations

from fastapi import APIRouter

from photoplay.api.routes.admin import keys

router = APIRouter()
for resource in (keys,):
    router.include_router(resource.router)

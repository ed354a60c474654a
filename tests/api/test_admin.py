"""/api/admin: who may, and that every write is written down."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest

from tests.api.serving import refused

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def admin_routes(server) -> list[tuple[str, str]]:
    document = (await server.http.get("/openapi.json")).json()
    return [
        (method, re.sub(r"\{\w+\}", str(uuid4()), path))
        for path, item in document["paths"].items()
        if path.startswith("/api/admin/")
        for method in item
    ]


async def test_only_operators_are_served(jwt_server, alice):
    routes = await admin_routes(jwt_server)
    assert len(routes) >= 3
    for person in (alice, await jwt_server.key_holder(alice.id)):
        for method, path in routes:
            # Refused before the body is looked at.
            answer = await person.request(method, path, json={"wrong": 1})
            refused(answer, 403, "admin_required")


async def test_in_local_mode_its_user_is_the_operator(server):
    assert (await server.http.get("/api/admin/keys")).status_code == 200


async def test_every_write_leaves_one_row_of_who_did_it(jwt_server):
    admin = await jwt_server.key_holder()
    prefix = admin.headers["Authorization"][10:22]

    def audit(target: object) -> list[tuple]:
        return jwt_server.rows(
            "select actor, action from photoplay.audit where target = %s order by id", str(target)
        )

    key = (await admin.post("/api/admin/keys", json={"name": "x", "scope": "admin"})).json()["data"]
    assert audit(key["id"]) == [(f"key:{prefix}", "key.create")]
    for _ in range(2):
        await admin.post(f"/api/admin/keys/{key['id']}/revoke")
    assert audit(key["id"])[1:] == [(f"key:{prefix}", "key.revoke")]

"""The control room: operators only, forms of its own pages only, and every act written down."""

from __future__ import annotations

from uuid import uuid4

import pytest
import pytest_asyncio

from photoplay.operations.revoke_key import revoke_key
from tests.api.serving import Server

pytestmark = pytest.mark.asyncio(loop_scope="session")
NOBODY = "00000000-0000-4000-8000-00000000abcd"
PAGES = ["/admin", "/admin/jobs", "/admin/providers", "/admin/workers", "/admin/audit"]


class Room:
    """A browser at the control room, as far as cookies and forms go."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.cookies: dict[str, str] = {}

    async def get(self, path: str):
        return await self.server.http.get(path, headers=self._headers())

    async def post(self, path: str, origin: str | None = "own", **form: str):
        headers = self._headers()
        if origin is not None:
            headers["Origin"] = self.server.address if origin == "own" else origin
        return await self.server.http.post(path, data=form, headers=headers)

    async def enter(self, key: str):
        answer = await self.post("/admin/sign-in", key=key)
        if answer.status_code == 303:
            cookie = answer.headers["set-cookie"]
            assert "HttpOnly" in cookie
            assert "SameSite=strict" in cookie
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer

    def _headers(self) -> dict[str, str]:
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return {"Cookie": cookie} if cookie else {}


async def operators_key(server: Server) -> str:
    return (await server.key_holder()).headers["Authorization"].removeprefix("Bearer ")


@pytest_asyncio.fixture(loop_scope="session")
async def room(jwt_server: Server) -> Room:
    """With a session open."""
    room = Room(jwt_server)
    assert (await room.enter(await operators_key(jwt_server))).status_code == 303
    return room


@pytest.mark.parametrize("path", [*PAGES, f"/admin/jobs/{NOBODY}", f"/admin/users/{NOBODY}"])
async def test_without_a_session_every_page_leads_to_the_sign_in(jwt_server, alice, path):
    answer = await Room(jwt_server).get(path)
    assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (
        303,
        "/admin/sign-in",
    )
    # A signed-in user is no operator.
    assert (await alice.get(path)).status_code == 303


async def test_only_an_operators_key_opens_a_session_and_revoking_it_ends_it(jwt_server):
    room = Room(jwt_server)
    assert (await room.enter("pp_no_key")).status_code == 401
    of_user = (await jwt_server.key_holder(uuid4())).headers["Authorization"]
    assert (await room.enter(of_user.removeprefix("Bearer "))).status_code == 403
    key = await operators_key(jwt_server)
    assert (await room.enter(key)).status_code == 303
    assert key not in str(room.cookies)
    assert (await room.get("/admin")).status_code == 200
    ((key_id,),) = jwt_server.rows(
        "select id from photoplay.api_keys where prefix = %s", key.split("_")[1]
    )
    await revoke_key(jwt_server.app.state.service.database, key_id, actor="a test")
    assert (await room.get("/admin")).status_code == 303


async def test_a_changed_session_is_none(room):
    (name,) = room.cookies
    prefix, expires, code = room.cookies[name].split(".")
    for forged in (
        f"{prefix}.{int(expires) + 1}.{code}",
        f"{'0' * 12}.{expires}.{code}",
        f"{prefix}.{expires}.",
        "nonsense",
    ):
        room.cookies[name] = forged
        assert (await room.get("/admin")).status_code == 303


@pytest.mark.parametrize("origin", [None, "https://elsewhere.example", "null"])
async def test_a_form_from_elsewhere_does_nothing(room, alice, origin):
    job_id = await alice.new_job()
    answer = await room.post(f"/admin/jobs/{job_id}/cancel", origin=origin)
    assert answer.status_code == 403
    assert (await alice.job(job_id))["status"] == "queued"


@pytest.mark.parametrize("path", PAGES)
async def test_every_page_opens_and_runs_no_script(room, path):
    answer = await room.get(path)
    assert answer.status_code == 200
    assert "<script" not in answer.text
    assert "script-src" not in answer.headers["content-security-policy"]
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


async def test_where_is_this_users_video_and_what_did_it_cost(room, alice):
    key = "<script>alert(1)</script>"
    job_id = await alice.new_job(clientRequestId=key, prompt="a secret wish")
    for text in (job_id, key):
        found = await room.server.http.get(
            "/admin/find", params={"q": text}, headers=room._headers()
        )
        assert found.headers["location"] == f"/admin/jobs/{job_id}"
    shown = await room.get(f"/admin/jobs/{job_id}")
    for part in (str(alice.id), "not known", "job.queued", "&lt;script&gt;alert(1)&lt;/script&gt;"):
        assert part in shown.text
    assert "a secret wish" not in shown.text
    user = await room.get(f"/admin/users/{alice.id}")
    assert f"/admin/jobs/{job_id}" in user.text
    assert (await room.get(f"/admin/jobs/{uuid4()}")).status_code == 404


async def test_acts_are_done_and_written_down(room, alice):
    job_id = await alice.new_job()
    for act in ("requeue", "cancel"):
        assert (await room.post(f"/admin/jobs/{job_id}/{act}")).status_code == 303
    assert (await alice.job(job_id))["status"] == "cancelled"
    assert (await room.post(f"/admin/jobs/{job_id}/never-arrived")).status_code == 400
    assert (await room.post(f"/admin/jobs/{job_id}/never-arrived?attempt=1")).status_code == 409
    assert (await room.post(f"/admin/jobs/{job_id}/erase")).status_code == 303
    assert (await alice.get(f"/api/video/jobs/{job_id}")).status_code == 404
    assert (await room.post(f"/admin/users/{alice.id}/reset-quota")).status_code == 303
    assert (await room.post("/admin/providers/local/pause")).status_code == 303
    assert "paused by key:" in (await room.get("/admin/providers")).text
    assert (await room.post("/admin/providers/local/resume")).status_code == 303
    acts = room.server.rows(
        "select action from photoplay.audit where target in (%s, %s, 'local') order by id",
        job_id,
        str(alice.id),
    )
    assert [action for (action,) in acts] == [
        "job.requeue",
        "job.cancel",
        "job.erase",
        "quota.reset",
        "provider.pause",
        "provider.resume",
    ]
    assert "job.erase" in (await room.get(f"/admin/audit?target={job_id}")).text

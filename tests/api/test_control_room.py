"""The control room: operators only, forms of its own pages only, and every act written down."""

from __future__ import annotations

from uuid import uuid4

import pytest

from photoplay.operations.revoke_key import revoke_key
from tests.api.room import Room, operators_key

pytestmark = pytest.mark.asyncio(loop_scope="session")
NOBODY = "00000000-0000-4000-8000-00000000abcd"
PAGES = [
    f"/admin{page}"
    for page in ("", "/jobs", "/providers", "/providers/local", "/quotas", "/workers", "/audit")
]


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
    assert (await room.post(f"/admin/jobs/{job_id}/never-arrived")).status_code == 409
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

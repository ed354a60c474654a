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


def with_attempt(server, job_id, provider: str) -> str:
    """Let a provider have refused the job's first attempt, of which two callbacks came; its id."""
    ((attempt_id,),) = server.rows(
        "insert into photoplay.attempts (id, job_id, user_id, n, provider, model, fence, callback_token,"
        " status, charged, refusal, sent_at, accepted_at, called_back_at, finished_at)"
        " select gen_random_uuid(), id, user_id, 1, %s, 'm', 1, id::text,"
        " 'blocked', false, 'content_refused', now(), now(), now(), now()"
        " from public.video_jobs where id = %s returning id",
        provider,
        job_id,
    )
    server.owner.execute(
        "insert into photoplay.callbacks (attempt_id, provider, at, result)"
        " select %s, %s, now(), result from unnest(array['accepted', 'forged']) as of (result)",
        (attempt_id, provider),
    )
    return str(attempt_id)


async def test_a_job_is_found_by_its_attempt_and_by_how_an_id_begins(room, alice):
    job_id = await alice.new_job()
    attempt_id = with_attempt(room.server, job_id, "found-by-attempt")

    async def found(text: str) -> str | None:
        params = {"q": text}
        answer = await room.server.http.get("/admin/find", params=params, headers=room._headers())
        return answer.headers.get("location")

    job, user = f"/admin/jobs/{job_id}", f"/admin/users/{alice.id}"
    assert [await found(t) for t in (attempt_id, job_id[:8], f" {job_id[:13].upper()} ")] == [
        job
    ] * 3
    assert [await found(t) for t in (str(alice.id), str(alice.id)[:8])] == [user] * 2
    # Too short to mean one, or no beginning of an id.
    assert [await found(t) for t in (job_id[:7], f"{job_id[:8]}x", f"{job_id}0")] == [None] * 3


async def test_a_providers_page_says_how_it_does_and_what_went_wrong(room, alice):
    job_id = await alice.new_job()
    with_attempt(room.server, job_id, "a provider")
    path = "/admin/providers/a%20provider"
    shown = (await room.get(path)).text
    for part in (
        "not configured here",
        f"/admin/jobs/{job_id}",
        "content refused",
        "blocked 1",
        "accepted 1, forged 1",
        "<dt>Tasks called back</dt><dd>1 of 1</dd>",
        '<div class="figure bad"><dt>Forged</dt><dd>1</dd></div>',
    ):
        assert part in shown
    assert (await room.post(f"{path}/pause")).headers["location"] == path
    assert "Resume" in (await room.get(path)).text
    assert (await room.post(f"{path}/resume")).status_code == 303
    assert (await room.get("/admin/providers/nobody")).status_code == 404


async def test_a_job_page_tells_attempts_callbacks_and_phases(room, alice):
    job_id = await alice.new_job()
    with_attempt(room.server, job_id, "of-a-job")
    shown = (await room.get(f"/admin/jobs/{job_id}")).text
    for part in (
        '<a href="/admin/providers/of-a-job">of-a-job</a>',
        "callback of of-a-job for attempt 1: accepted",
        "callback of of-a-job for attempt 1: forged",
        'aria-label="Time in each phase"',
        "content refused",
        # Not charged is known to cost nothing.
        '<td class="number">$0.00</td><td>no</td>',
    ):
        assert part in shown

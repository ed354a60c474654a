"""The control room's pages of quotas and users: what they say holds, and what they change does at once."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.api.room import Room, operators_key
from tests.api.serving import encoded, noise, refused, with_identity

pytestmark = pytest.mark.asyncio(loop_scope="session")
EMPTY = {
    "dailyLimit": "",
    "maxOpenJobs": "",
    "requestsPerMinute": "",
    "dailySpendUsd": "",
    "dedupeOpenJobs": "",
}


def audit_of(server, user_id) -> list[tuple[str, dict[str, object]]]:
    return server.rows(
        "select action, details from photoplay.audit where target = %s order by id", str(user_id)
    )


async def limits_of(server, user_id):
    admin = await server.key_holder()
    return (await admin.get(f"/api/admin/quotas/{user_id}")).json()["data"]


async def test_the_quotas_page_says_who_is_near_a_limit_and_what_was_refused(open_installation):
    async with open_installation(**with_identity(), daily_spend_usd=Decimal(40)) as server:
        idle, busy, rich = server.person(), server.person(), server.person()
        server.allow(rich.id, daily=50)
        await rich.new_job()
        for _ in range(2):
            await busy.new_job()
        server.allow(busy.id, daily=2)
        refused(await busy.animate(imageId=(await busy.upload())["imageId"]), 429, "quota_exceeded")
        room = Room(server)
        await room.enter(await operators_key(server))
        text = (await room.get("/admin/quotas")).text
        assert "20 a user" in text
        assert "$40.00 for all together" in text
        nearest, _, own = text.partition("Users with limits of their own")
        # The one at its limit comes first, the one far from it behind.
        assert nearest.index(f"/admin/users/{busy.id}") < nearest.index(f"/admin/users/{rich.id}")
        assert "2 of 2" in nearest
        assert str(idle.id) not in text
        assert f"/admin/users/{rich.id}" in own
        assert "Over the videos of the day" in own


async def test_limits_of_the_form_hold_at_once_and_can_be_taken_away(room, alice, jwt_server):
    form = {**EMPTY, "dailyLimit": "1", "dailySpendUsd": " 2.50 ", "dedupeOpenJobs": "false"}
    answer = await room.post(f"/admin/users/{alice.id}/limits", **form)
    assert answer.headers["location"] == f"/admin/users/{alice.id}"
    await alice.new_job()
    refused(await alice.animate(imageId=(await alice.upload())["imageId"]), 429, "quota_exceeded")
    shown = (await room.get(f"/admin/users/{alice.id}")).text
    assert 'value="2.5"' in shown
    assert '<option value="false" selected>' in shown
    assert (await limits_of(jwt_server, alice.id))["own"] == {
        "dailyLimit": 1,
        "maxOpenJobs": None,
        "dedupeOpenJobs": False,
        "requestsPerMinute": None,
        "dailySpendUsd": 2.5,
    }
    assert (await room.post(f"/admin/users/{alice.id}/no-limits")).status_code == 303
    assert set((await limits_of(jwt_server, alice.id))["own"].values()) == {None}
    assert "Take own limits away" not in (await room.get(f"/admin/users/{alice.id}")).text
    assert [action for action, _ in audit_of(jwt_server, alice.id)] == ["quota.set", "quota.set"]


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("dailyLimit", "-1"),
        ("maxOpenJobs", "many"),
        ("requestsPerMinute", "0"),
        ("dailySpendUsd", "NaN"),
        ("dedupeOpenJobs", "perhaps"),
    ],
)
async def test_what_is_no_limit_is_shown_where_it_was_typed_and_changes_nothing(
    room, alice, jwt_server, field, typed
):
    form = {**EMPTY, "dailyLimit": "7", field: typed}
    answer = await room.post(f"/admin/users/{alice.id}/limits", **form)
    assert answer.status_code == 422
    assert "Nothing was changed" in answer.text
    if field != "dedupeOpenJobs":
        assert f'id="{field}" name="{field}" value="{typed}"' in answer.text
        assert 'aria-invalid="true"' in answer.text
    assert set((await limits_of(jwt_server, alice.id))["own"].values()) == {None}
    assert audit_of(jwt_server, alice.id) == []


@pytest.mark.parametrize("act", ["limits", "no-limits", "reset-quota", "erase"])
async def test_an_act_on_a_user_from_elsewhere_does_nothing(room, alice, jwt_server, act):
    job_id = await alice.new_job()
    path = f"/admin/users/{alice.id}/{act}"
    answer = await room.post(path, origin="https://elsewhere.example", dailyLimit="1")
    assert answer.status_code == 403
    # Without a session, from our own page.
    assert (await Room(jwt_server).post(path)).headers["location"].startswith("/admin/sign-in")
    assert (await alice.job(job_id))["status"] == "queued"
    assert audit_of(jwt_server, alice.id) == []


async def test_erasing_a_user_leaves_a_page_that_says_so(room, alice, jwt_server):
    job_id = await alice.new_job()
    assert (await room.post(f"/admin/users/{alice.id}/erase")).status_code == 303
    shown = (await room.get(f"/admin/users/{alice.id}")).text
    assert "Nothing new is taken of this user." in shown
    assert f"/admin/jobs/{job_id}" not in shown
    assert jwt_server.objects(alice.id) == []
    refused(await alice.post("/api/video/images", content=encoded(noise())), 410, "user_erased")
    assert audit_of(jwt_server, alice.id) == [("user.erase", {"jobs": 1, "images": 1})]

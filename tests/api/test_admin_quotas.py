"""/api/admin/quotas: what an operator reads, sets and resets, and that it holds at once."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from tests.api.serving import refused

pytestmark = pytest.mark.asyncio(loop_scope="session")
NO_OWN = {
    "dailyLimit": None,
    "maxOpenJobs": None,
    "dedupeOpenJobs": None,
    "requestsPerMinute": None,
    "dailySpendUsd": None,
}


@pytest.fixture
async def admin(jwt_server):
    return await jwt_server.key_holder()


async def test_a_user_that_has_done_nothing_stands_at_zero(admin):
    user = uuid4()
    body = (await admin.get(f"/api/admin/quotas/{user}")).json()["data"]
    resets_at = datetime.fromisoformat(body.pop("resetsAt"))
    assert body == {
        "userId": str(user),
        "own": NO_OWN,
        "limits": {
            "dailyLimit": 20,
            "maxOpenJobs": 5,
            "dedupeOpenJobs": True,
            "requestsPerMinute": None,
            "dailySpendUsd": None,
            "totalDailySpendUsd": None,
            "timeZone": "UTC",
        },
        "day": f"{datetime.now(UTC):%Y-%m-%d}",
        "used": 0,
        "remaining": 20,
        "openJobs": 0,
        "spentUsd": 0.0,
        "totalSpentUsd": None,
    }
    assert (resets_at.hour, resets_at.minute) == (0, 0)


async def test_own_limits_hold_at_once_are_replaced_as_a_whole_and_can_be_taken_away(admin, alice):
    path = f"/api/admin/quotas/{alice.id}"
    image = (await alice.upload())["imageId"]
    own = {"dailyLimit": 1, "maxOpenJobs": 2, "requestsPerMinute": 600, "dailySpendUsd": 1.5}
    said = (await admin.put(path, json=own)).json()["data"]
    assert said["own"] == {**NO_OWN, **own}
    assert said["limits"]["dailyLimit"] == 1
    assert said["limits"]["dailySpendUsd"] == 1.5
    answer = await alice.animate(imageId=image, prompt="1")
    assert answer.headers["ratelimit-policy"] == (
        '"daily";q=1;w=86400, "open-jobs";q=2;qu="concurrent-requests", "requests";q=600;w=60'
    )
    refused(await alice.animate(imageId=image, prompt="2"), 429, "quota_exceeded")
    assert (await admin.put(path, json={"maxOpenJobs": 1})).json()["data"]["own"] == {
        **NO_OWN,
        "maxOpenJobs": 1,
    }
    refused(await alice.animate(imageId=image, prompt="2"), 429, "too_many_open_jobs")
    assert (await admin.put(path, json={})).json()["data"]["own"] == NO_OWN
    assert (await alice.animate(imageId=image, prompt="2")).status_code == 202
    stands = (await admin.get(path)).json()["data"]
    assert (stands["used"], stands["remaining"], stands["openJobs"]) == (2, 18, 2)


async def test_a_reset_gives_todays_units_back_once(admin, alice):
    await alice.new_job()
    path = f"/api/admin/quotas/{alice.id}/reset"
    given_back = [(await admin.post(path)).json()["data"]["givenBack"] for _ in range(2)]
    assert given_back == [1, 0]
    assert (await alice.quota())["used"] == 0


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"dailyLimit": -1}, "dailyLimit"),
        ({"dailyLimit": 2**31}, "dailyLimit"),
        ({"maxOpenJobs": 1.5}, "maxOpenJobs"),
        ({"requestsPerMinute": 0}, "requestsPerMinute"),
        ({"requestsPerMinute": 6001}, "requestsPerMinute"),
        ({"dailySpendUsd": -0.01}, "dailySpendUsd"),
        ({"dailySpendUsd": 1e9}, "dailySpendUsd"),
        ({"dailySpendUsd": "much"}, "dailySpendUsd"),
        ({"timeZone": "UTC"}, "timeZone"),
    ],
)
async def test_what_is_no_limit_is_named_and_changes_nothing(admin, alice, body, field):
    path = f"/api/admin/quotas/{alice.id}"
    answer = refused(await admin.put(path, json=body), 422, "unprocessable")
    assert [f["field"] for f in answer["details"]["fields"]] == [field]
    assert (await admin.get(path)).json()["data"]["own"] == NO_OWN


async def test_each_write_is_in_the_audit(admin, alice, jwt_server):
    path = f"/api/admin/quotas/{alice.id}"
    await admin.get(path)
    await admin.put(path, json={"dailySpendUsd": 2})
    await admin.post(f"{path}/reset")
    rows = jwt_server.rows(
        "select actor like 'key:%%', action, details from photoplay.audit where target = %s order by id",
        str(alice.id),
    )
    assert [(by_key, action) for by_key, action, _ in rows] == [
        (True, "quota.set"),
        (True, "quota.reset"),
    ]
    assert rows[0][2]["daily_spend_usd"] == "2"
    assert rows[1][2] == {"given_back": 0}

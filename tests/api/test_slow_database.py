"""A statement that takes too long is given up: the client is told to come again, and nothing is half done."""

from __future__ import annotations

import pytest

from tests.api.serving import refused, with_identity

pytestmark = [pytest.mark.fault(31), pytest.mark.asyncio(loop_scope="session")]
HELD = "select pg_advisory_xact_lock(hashtextextended(%s::text, 7406))"


async def test_who_waits_too_long_for_the_database_is_answered_503_and_may_come_again(
    open_installation,
):
    async with open_installation(**with_identity(statement_timeout_s=1.0)) as server:
        person = server.person()
        image = (await person.upload())["imageId"]
        other = await person.new_job()
        # Somebody holds up all that this user makes, then every look at a job.
        for hold, values in (
            (HELD, (person.id,)),
            ("lock table public.video_jobs in access exclusive mode", ()),
        ):
            with server.owner.transaction():
                server.owner.execute(hold, values)
                # `check_answer` wants Retry-After and `retryable` of every 503.
                answer = await person.animate(imageId=image, clientRequestId="key")
                assert refused(answer, 503, "contention")["retryable"] is True
                assert int(answer.headers["retry-after"]) >= 1
                if not values:
                    for path in (f"/api/video/jobs/{other}", "/api/video/jobs", "/api/video/quota"):
                        refused(await person.get(path), 503, "contention")
                    refused(await person.delete(f"/api/video/jobs/{other}"), 503, "contention")
            assert person.jobs_in_database() == 1
        made = await person.animate(imageId=image, clientRequestId="key")
        assert made.status_code == 202
        # No refusal has taken a unit.
        assert (await person.quota())["used"] == 2
        assert (await person.job(other))["status"] == "queued"

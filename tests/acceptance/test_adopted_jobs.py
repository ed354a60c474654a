"""Open jobs of an older system, taken over: followed to the end of what it had sent, and nothing sent again."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from photoplay.db.migrate import all_migrations

(TAKE_OVER,) = [m.statement for m in all_migrations() if m.name == "0040_pre_adopted_jobs"]


def older_job(shop, provider: str, task_id: str) -> UUID:
    """A job as the older system leaves it, five hours old, and taken over at once."""
    job = uuid4()
    with shop.owner.transaction():
        shop.owner.execute(
            "insert into public.video_jobs "
            "(id, user_id, source_image_url, provider, provider_job_id, created_at, adopted_at) "
            "values (%s, %s, 'x', %s, %s, now() - interval '5 hours', now())",
            (job, shop.user, provider, task_id),
        )
        shop.owner.execute(TAKE_OVER.encode())
    return job


@pytest.mark.parametrize("provider", ["fal-pika", "kling-26", "runway"])
async def test_a_video_that_nobody_polled_for_any_more_is_fetched_and_stored(shop, provider):
    sent = await shop.ended(await shop.wish(provider))
    assert sent["status"] == "succeeded", sent["failure"]
    # The older system called it kling, whatever the model.
    job_id = older_job(shop, provider.removesuffix("-26"), sent["provider_job_id"])
    job = await shop.ended(job_id)
    assert job["status"] == "succeeded", job["failure"]
    assert job["output_video_url"] == f"{shop.user}/generated-videos/{job_id}.mp4"
    assert shop.sandbox.count("submit") == 1
    await shop.is_sound()


@pytest.mark.parametrize("provider", ["fal-pika", "kling", "runway"])
async def test_a_task_that_the_provider_does_not_know_ends_the_job_without_another_try(
    shop, provider
):
    job_id = older_job(shop, provider, str(uuid4()))
    job = await shop.ended(job_id)
    assert job["status"] == "failed"
    assert job["failure"]["code"] == "provider_failed"
    assert len(shop.attempts(job_id)) == 1
    assert shop.sandbox.count("submit") == 0
    await shop.is_sound()

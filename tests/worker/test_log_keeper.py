from __future__ import annotations

import logging
from collections.abc import Iterator
from uuid import uuid4

import pytest
import structlog

from photoplay.db.pool import writer
from photoplay.domain.options import MotionOptions
from photoplay.operations.create_job import NewJob, create_job
from photoplay.operations.erase_job import erase_job
from photoplay.telemetry import configure_logs, get_logger
from photoplay.worker.log_keeper import LogKeeper
from tests.support.pictures import stored_picture


@pytest.fixture(autouse=True)
def logs() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    configure_logs("json", "info")
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


@pytest.fixture
async def job_id(database, store, user):
    picture = await stored_picture(database, store, user)
    return (await create_job(database, writer(user), NewJob(picture, MotionOptions(), "local"))).id


def lines_of(owner, job_id) -> list[tuple[str, str]]:
    return owner.execute(
        "select level, line from photoplay.log_lines where job_id = %s order by id", (job_id,)
    ).fetchall()


async def test_what_the_log_says_of_a_job_can_be_read_beside_it(database, owner, job_id):
    def say() -> None:
        log = get_logger("a test").bind(job_id=str(job_id))
        log.info("video.uploaded", path="a/path.mp4")
        log.warning("job.interrupted", error="OSError", token="never shown")
        log.info("attempt.polling", provider="kling")
        log.info("attempt.mapped", provider="kling", raw="running", status="waiting")
        get_logger("a test").info("worker.started")

    async with LogKeeper(database):
        say()
    assert lines_of(owner, job_id) == [
        ("info", f"[VideoJobs] Upload completed for job {job_id}, storage path: a/path.mp4"),
        ("warning", "job.interrupted error=OSError token=***"),
    ]


async def test_lines_of_a_job_that_is_gone_are_gone_too_and_stay_gone(
    database, owner, user, job_id
):
    async with LogKeeper(database):
        get_logger("a test").info("lease.lost", job_id=str(job_id))
    assert len(lines_of(owner, job_id)) == 1
    await erase_job(database, writer(user), job_id)
    async with LogKeeper(database):
        get_logger("a test").info("video.uploading", job_id=str(job_id))
        get_logger("a test").info("video.uploading", job_id=str(uuid4()))
    assert owner.execute("select count(*) from photoplay.log_lines").fetchone() == (0,)

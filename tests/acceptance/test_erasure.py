"""Fault 44: erased while it runs, while it is stored, while provider or store are away: it stays erased."""

from __future__ import annotations

import asyncio
import importlib
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from psycopg import sql

from photoplay.db.pool import ADMIN, operator, reader, writer
from photoplay.domain.errors import GoneError, NotFoundError
from photoplay.domain.job import video_path
from photoplay.invariants import check_invariants
from photoplay.operations.cancel_job import cancel_job
from photoplay.operations.erase_job import erase_job
from photoplay.operations.erase_user import erase_user
from photoplay.sandbox import Fault
from photoplay.worker.sweep import Sweeper
from tests.conftest import until
from tests.support.pictures import stored_picture

pytestmark = pytest.mark.fault(44)
# What may still name an erased job: without content, for quota, money, the audit and late uploads.
STAYS = {
    "photoplay.erased_jobs", "photoplay.events", "photoplay.quota_ledger", "photoplay.job_spend",
    "photoplay.erased_objects", "photoplay.audit",
    # A work item holds the id, finds nothing when it is due, and is gone.
    "photoplay.pgqueuer",
}  # fmt: skip


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    """A provider that was away is asked again soon."""
    ending = importlib.import_module("photoplay.worker.phases.ending")
    monkeypatch.setattr(ending, "_ASK_AGAIN", timedelta(seconds=0.2))
    monkeypatch.setattr(ending, "_LONGEST_SLEEP", timedelta(seconds=0.2))


def rows_with(shop, text: object) -> dict[str, list[str]]:
    """Every row of every table that holds the text, by table."""
    tables = shop.owner.execute(
        "select table_schema, table_name from information_schema.tables"
        " where table_schema in ('public', 'photoplay') and table_type = 'BASE TABLE'"
    ).fetchall()
    found: dict[str, list[str]] = {}
    for schema, name in tables:
        statement = sql.SQL("select t::text from {} t where strpos(t::text, %s) > 0")
        rows = shop.owner.execute(statement.format(sql.Identifier(schema, name)), (str(text),))
        if listed := [row for (row,) in rows]:
            found[f"{schema}.{name}"] = listed
    return found


def prompt_of(shop, job_id: UUID) -> str:
    return shop.job(job_id)["prompt"]


def row_is_there(shop, job_id: UUID) -> bool:
    (count,) = shop.owner.execute(
        "select count(*) from public.video_jobs where id = %s", (job_id,)
    ).fetchone()
    return bool(count)


def stub(shop, job_id: UUID) -> dict[str, Any]:
    cursor = shop.owner.execute(
        "select status, cost_usd, quota_returned_at from photoplay.erased_jobs where id = %s",
        (job_id,),
    )
    return dict(zip(("status", "cost_usd", "quota_returned_at"), cursor.fetchone(), strict=True))


async def is_gone(shop, job_id: UUID, prompt: str) -> None:
    """Wait until the worker is done with the job, and look for anything that is left."""
    await until(lambda: not row_is_there(shop, job_id))
    await until(lambda: set(rows_with(shop, job_id)) <= STAYS)
    assert rows_with(shop, prompt) == {}
    # By every worker's sweep, where whoever erased it did not remove them.
    await until(lambda: not list((folder_of(shop) / "generated-videos").glob("*")))
    broken = await check_invariants(shop.database, shop.stack.store)
    assert not any(broken.values()), broken


async def is_seen_by_nobody(shop, job_id: UUID) -> None:
    """At once: not by its user, not by an operator; and it can be neither cancelled nor erased again."""
    for scope in (reader(shop.user), writer(shop.user), ADMIN, operator(shop.user)):
        assert await shop.database.once(scope, "get_job", {"job_id": job_id}) == []
        if scope.role != "authenticated":
            for operation in (cancel_job, erase_job):
                with pytest.raises(NotFoundError):
                    await operation(shop.database, scope, job_id)


@pytest.mark.parametrize("provider", ["fal-pika", "runway", "kling"])
async def test_erased_during_the_run_the_provider_is_asked_to_stop_and_the_cost_is_kept(
    shop, provider
):
    # Kling cannot be stopped: there it runs to its end, and is paid for.
    shop.sandbox.configure(run_s=3600)
    job_id = await shop.wish(provider)
    prompt = prompt_of(shop, job_id)
    attempt = await shop.attempt_is(job_id, "accepted")
    await erase_job(shop.database, writer(shop.user), job_id)
    assert rows_with(shop, prompt) == {}
    await is_seen_by_nobody(shop, job_id)
    if provider == "kling":
        shop.sandbox.advance(7000)
        shop.owner.execute("update photoplay.polls set next_at = now()")
    else:
        await until(lambda: shop.sandbox.count("cancel") >= 1)
        let_a_minute_pass(shop)
    await is_gone(shop, job_id, prompt)
    assert shop.sandbox.count("submit") == 1
    left = stub(shop, job_id)
    assert left["status"] == "cancelled"
    assert left["cost_usd"] > 0
    # Its address leads nowhere any more.
    callback = f"/api/video/callbacks/{provider}/{attempt['callback_token']}"
    async with httpx.AsyncClient(base_url=shop.stack.settings.public_url) as http:
        assert (await http.post(callback)).status_code == 404


def let_a_minute_pass(shop) -> None:
    """Runway does not know a task any more that was stopped; that is believed after a minute."""
    shop.owner.execute("update photoplay.attempts set accepted_at = accepted_at - interval '90 s'")
    shop.owner.execute("update photoplay.polls set next_at = now()")


async def test_a_success_after_the_erasure_is_paid_for_and_kept_by_nobody(shop):
    shop.sandbox.add("success_despite_cancel")
    shop.sandbox.configure(run_s=1.5)
    job_id = await shop.wish("fal-pika")
    prompt = prompt_of(shop, job_id)
    attempt = await shop.attempt_is(job_id, "accepted")
    await erase_job(shop.database, writer(shop.user), job_id)
    await is_gone(shop, job_id, prompt)
    left = stub(shop, job_id)
    assert left["cost_usd"] == attempt["cost_usd"] > 0
    assert left["quota_returned_at"] is None
    ((spent,),) = shop.owner.execute(
        "select usd from photoplay.job_spend where job_id = %s", (job_id,)
    ).fetchall()
    assert spent == left["cost_usd"]


async def test_erased_while_the_submission_is_on_its_way_it_is_found_and_stopped(shop):
    shop.sandbox.configure(run_s=3600)
    shop.sandbox.add(Fault(do="delay", seconds=1.0, when="after"))
    job_id = await shop.wish("fal-pika")
    prompt = prompt_of(shop, job_id)
    await until(lambda: shop.sandbox.count("submit") == 1)
    await erase_job(shop.database, writer(shop.user), job_id)
    assert rows_with(shop, prompt) == {}
    await until(lambda: shop.sandbox.count("cancel") == 1, within_s=60)
    await is_gone(shop, job_id, prompt)
    assert shop.sandbox.count("submit") == 1


async def test_erased_before_anything_was_sent_it_is_gone_at_once(idle_shop):
    job_id = await idle_shop.wish("fal-pika")
    prompt = prompt_of(idle_shop, job_id)
    await erase_job(idle_shop.database, writer(idle_shop.user), job_id)
    assert not row_is_there(idle_shop, job_id)
    await is_gone(idle_shop, job_id, prompt)


async def test_erased_while_its_clip_is_stored_nothing_of_it_comes_back(shop, monkeypatch):
    uploading, late = asyncio.Event(), asyncio.Event()
    put_file = shop.stack.store.put_file
    given: list[tuple[Any, dict[str, Any]]] = []

    async def paused(*args: Any, **kwargs: Any) -> Any:
        given.append((args, {**kwargs, "content": args[0].read_bytes()}))
        uploading.set()
        await late.wait()
        return await put_file(*args, **kwargs)

    monkeypatch.setattr(shop.stack.store, "put_file", paused)
    job_id = await shop.wish("runway")
    prompt = prompt_of(shop, job_id)
    await uploading.wait()
    await erase_job(shop.database, writer(shop.user), job_id)
    await is_gone(shop, job_id, prompt)
    assert stub(shop, job_id)["cost_usd"] > 0
    # The worker's own copy goes, too.
    await until(lambda: list(shop.stack.settings.scratch_dir.iterdir()) == [])
    # A worker that was paused in the middle goes on: what it brings back is removed.
    ((_, key), kwargs) = given[0]
    file = shop.stack.settings.data_dir / "late.mp4"
    file.write_bytes(kwargs.pop("content"))
    await put_file(file, key, **kwargs)
    assert key == video_path(shop.user, job_id)
    await sweeper_of(shop).tidy()
    await is_gone(shop, job_id, prompt)


def sweeper_of(shop) -> Sweeper:
    return Sweeper(
        shop.database, shop.stack.store, uuid4(), grace=timedelta(0),
        scratch=shop.stack.settings.scratch_dir, lifetime=timedelta(hours=2),
    )  # fmt: skip


async def test_erased_while_the_provider_is_away_it_is_asked_when_it_is_back(shop):
    shop.sandbox.configure(run_s=3600)
    job_id = await shop.wish("fal-pika")
    prompt = prompt_of(shop, job_id)
    await shop.attempt_is(job_id, "accepted")
    async with shop.sandbox.unreachable():
        await erase_job(shop.database, writer(shop.user), job_id)
        # The worker has tried, and tries again.
        await until(lambda: wakes(shop, job_id) >= 2)
        assert rows_with(shop, prompt) == {}
        await is_seen_by_nobody(shop, job_id)
        assert row_is_there(shop, job_id)
    await until(lambda: shop.sandbox.count("cancel") == 1)
    await is_gone(shop, job_id, prompt)


def wakes(shop, job_id: UUID) -> int:
    """Claims of the job's lease since it was accepted by its provider."""
    row = shop.owner.execute(
        "select lease.fence - attempt.fence from photoplay.leases lease"
        " join photoplay.attempts attempt using (job_id) where lease.job_id = %s",
        (job_id,),
    ).fetchone()
    return row[0] if row else 0


async def test_erased_while_the_provider_is_away_for_good_it_goes_with_its_lifetime(shop):
    shop.sandbox.configure(run_s=3600)
    job_id = await shop.wish("fal-pika")
    prompt = prompt_of(shop, job_id)
    attempt = await shop.attempt_is(job_id, "accepted")
    async with shop.sandbox.unreachable():
        await erase_job(shop.database, writer(shop.user), job_id)
        shop.owner.execute(
            "update photoplay.attempts set accepted_at = accepted_at - interval '3 h'"
        )
        shop.owner.execute("update public.video_jobs set erased_at = erased_at - interval '25 h'")
        await is_gone(shop, job_id, prompt)
    # Nobody knows whether it was charged: it counts.
    assert stub(shop, job_id)["cost_usd"] == attempt["cost_usd"]
    assert stub(shop, job_id)["quota_returned_at"] is None


async def test_erased_while_the_store_is_away_its_objects_go_when_it_is_back(shop):
    job_id = await shop.wish("runway")
    prompt = prompt_of(shop, job_id)
    assert (await shop.ended(job_id))["status"] == "succeeded"
    objects = shop.stack.settings.data_dir / "objects"
    away = objects.with_name("away")
    objects.rename(away)
    objects.touch()
    await erase_job(shop.database, writer(shop.user), job_id)
    assert rows_with(shop, prompt) == {}
    objects.unlink()
    away.rename(objects)
    await is_gone(shop, job_id, prompt)


@pytest.mark.parametrize("provider", ["fal-pika", "runway"])
async def test_a_provider_is_asked_to_delete_what_it_has_made(shop, provider):
    job_id = await shop.wish(provider)
    prompt = prompt_of(shop, job_id)
    assert (await shop.ended(job_id))["status"] == "succeeded"
    (task,) = shop.sandbox.tasks()
    async with shop.sandbox.unreachable():
        await erase_job(shop.database, writer(shop.user), job_id)
        await is_seen_by_nobody(shop, job_id)
        await until(lambda: wakes(shop, job_id) >= 2)
        assert row_is_there(shop, job_id)
        assert rows_with(shop, prompt) == {}
    await is_gone(shop, job_id, prompt)
    if provider == "runway":
        assert task not in shop.sandbox.tasks()
    else:
        assert task.notes["erased"] is True
        assert shop.sandbox.count("erase") == 1


async def test_a_provider_that_cannot_be_reached_for_a_day_is_asked_no_more(shop):
    job_id = await shop.wish("fal-pika")
    prompt = prompt_of(shop, job_id)
    assert (await shop.ended(job_id))["status"] == "succeeded"
    async with shop.sandbox.unreachable():
        await erase_job(shop.database, writer(shop.user), job_id)
        shop.owner.execute("update public.video_jobs set erased_at = erased_at - interval '25 h'")
        await is_gone(shop, job_id, prompt)


async def test_of_an_erased_user_nothing_is_left_whatever_was_under_way(shop):
    done = await shop.wish("runway")
    assert (await shop.ended(done))["status"] == "succeeded"
    shop.sandbox.configure(run_s=3600)
    running = [await shop.wish(provider) for provider in ("fal-pika", "runway")]
    for job_id in running:
        await shop.attempt_is(job_id, "accepted")
    jobs = [done, *running, await shop.wish("fal-pika")]
    prompts = [prompt_of(shop, job_id) for job_id in jobs]
    keys = [shop.job(job_id)["client_request_id"] for job_id in jobs]
    shop.owner.execute(
        "insert into photoplay.limits (user_id, daily_limit) values (%s, 7)", (shop.user,)
    )
    shop.owner.execute(
        "insert into photoplay.api_keys (prefix, secret_hash, name, scope, user_id, created_by)"
        " values ('0123456789ab', sha256('x'), 'of somebody', 'jobs', %s, 'a test')",
        (shop.user,),
    )
    await erase_user(shop.database, shop.user, actor="a test")
    await until(lambda: shop.sandbox.count("cancel") >= 2)
    let_a_minute_pass(shop)
    for job_id, prompt in zip(jobs, prompts, strict=True):
        await until(lambda job_id=job_id: not row_is_there(shop, job_id))
        await until(lambda job_id=job_id: set(rows_with(shop, job_id)) <= STAYS)
        assert rows_with(shop, prompt) == {}
    # Neither what a client called its requests, nor any picture.
    assert [rows_with(shop, key) for key in keys] == [{}] * len(keys)
    await until(lambda: not [f for f in folder_of(shop).rglob("*") if f.is_file()])
    assert set(rows_with(shop, shop.user)) <= {
        *STAYS, "photoplay.erased_users", "photoplay.spend", "public.video_quota",
        "photoplay.accounts",
    }  # fmt: skip
    with pytest.raises(GoneError):
        await stored_picture(shop.database, shop.stack.store, shop.user)
    broken = await check_invariants(shop.database, shop.stack.store)
    assert not any(broken.values()), broken


def folder_of(shop):
    return shop.stack.settings.data_dir / "objects" / str(shop.user)

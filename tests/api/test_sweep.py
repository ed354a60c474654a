"""Fault 39 over HTTP: whoever asks whatever route for whatever is shown and changes nothing of another."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from photoplay.worker.run import run_worker
from tests.api.serving import in_process, installed, with_identity
from tests.support.clips import clip_drivers
from tests.support.sweep import Sweep, at_rest, settle

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.fault(39)]
REQUESTS = int(os.environ.get("SWEEP_REQUESTS", "4000"))
SEED = int(os.environ.get("SWEEP_SEED", "39"))


@pytest_asyncio.fixture(loop_scope="session")
async def sweep(postgres, template, decoders, tmp_path, clip) -> AsyncIterator[Sweep]:
    """A server whose users have things; the worker that made their videos is gone."""
    with installed(postgres, template, decoders, tmp_path, **with_identity()) as stack:
        async with in_process(stack) as server:
            stopping = asyncio.Event()
            working = asyncio.create_task(run_worker(stack, stopping, drivers=clip_drivers(clip)))
            citizens = [await settle(server, is_quiet=n % 3 == 0) for n in range(9)]
            await at_rest(server)
            stopping.set()
            await working
            yield Sweep(server, citizens, SEED)


async def test_nobody_is_shown_or_changes_anything_of_another(sweep):
    before = sweep.state_of_the_quiet()
    await sweep.run(REQUESTS)
    assert sweep.leaks == []
    assert sweep.state_of_the_quiet() == before
    assert sum(map(len, before)) > 30
    assert sweep.refused_to_their_owners() == {"POST /api/video/callbacks/{provider}/{token}"}
    # What was looked for is found: with one door left open.
    sweep.server.owner.execute(
        "create policy open_door on public.video_jobs for select to authenticated using (true)"
    )
    await sweep.run(sweep.sent + 200)
    assert any("shows" in leak for leak in sweep.leaks)
    assert any("is not (404" in leak for leak in sweep.leaks)

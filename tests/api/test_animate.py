from __future__ import annotations

import pytest

pytestmark = pytest.mark.asyncio(loop_scope="session")

async def test_new(alice):
    for _ in range(3):
        image = await alice.upload()
    answer = await alice.animate(imageId=image["imageId"])
    assert answer.status_code == 202
    print(answer.headers, answer.text)

async def test_run(worker):
    p = worker.person()
    for _ in range(4):
        j = await p.new_job()
        job = await p.ended(j)
    print(job)
    assert job["status"] == "succeeded"
async def test_local(server):
    print(await server.person().quota())

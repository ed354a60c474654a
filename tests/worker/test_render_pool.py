from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from photoplay.providers.local.spec import RenderSpec
from photoplay.worker.render_pool import RenderFaultError, RenderPool, RenderRefusedError
from tests.conftest import until

SAMPLE = Path(__file__).parents[1] / "samples" / "coffee.jpg"
SPEC = RenderSpec(duration_s=1.0, resolution="480p", fps=24)
LONG = RenderSpec(duration_s=15.0, resolution="720p", fps=30)


@pytest.fixture
def pool():
    opened = RenderPool(1)
    yield opened
    opened.close()


async def cancelled_at_first_progress(pool: RenderPool, video: Path) -> None:
    begun = asyncio.Event()
    task = asyncio.create_task(pool.render(SAMPLE, video, LONG, lambda _: begun.set()))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.xdist_group("render")
async def test_a_clip_is_rendered_with_growing_progress_and_its_provenance(pool, tmp_path):
    seen: list[float] = []
    clip = await pool.render(SAMPLE, tmp_path / "clip.mp4", SPEC, seen.append)
    assert (tmp_path / "clip.mp4").stat().st_size > 10_000
    assert seen == sorted(seen)
    assert len(seen) > 5
    assert clip.provenance["generative"] is False


@pytest.mark.xdist_group("render")
async def test_a_cancelled_clip_leaves_no_file_and_its_child_goes_on(pool, tmp_path):
    await cancelled_at_first_progress(pool, tmp_path / "long.mp4")
    assert not (tmp_path / "long.mp4").exists()
    children = set(pool._children)
    await pool.render(SAMPLE, tmp_path / "next.mp4", SPEC, lambda _: None)
    assert set(pool._children) == children


@pytest.mark.xdist_group("render")
async def test_a_child_that_dies_fails_its_clip_and_is_replaced(pool, tmp_path):
    begun = asyncio.Event()
    task = asyncio.create_task(pool.render(SAMPLE, tmp_path / "a.mp4", LONG, lambda _: begun.set()))
    await begun.wait()
    (child,) = pool._children
    os.kill(child._process.pid, signal.SIGKILL)
    with pytest.raises(RenderFaultError):
        await task
    await pool.render(SAMPLE, tmp_path / "b.mp4", SPEC, lambda _: None)


@pytest.mark.xdist_group("render")
async def test_an_unusable_picture_is_refused_with_its_reason(pool, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(SAMPLE.read_bytes()[:3000])
    with pytest.raises(RenderRefusedError) as refused:
        await pool.render(broken, tmp_path / "clip.mp4", SPEC, lambda _: None)
    assert refused.value.code.startswith("image_")


@pytest.mark.xdist_group("render")
async def test_children_end_with_their_parent(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(
        "import asyncio, os, sys\n"
        "from pathlib import Path\n"
        "from photoplay.providers.local.spec import RenderSpec\n"
        "from photoplay.worker.render_pool import RenderPool\n"
        "async def main():\n"
        "    pool = RenderPool(1)\n"
        "    begun = asyncio.Event()\n"
        f"    asyncio.create_task(pool.render(Path({str(SAMPLE)!r}), Path({str(tmp_path / 'x.mp4')!r}),"
        " RenderSpec(duration_s=15.0), lambda _: begun.set()))\n"
        "    await begun.wait()\n"
        "    (child,) = pool._children\n"
        "    print(child._process.pid, flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
        "if __name__ == '__main__':\n"
        "    asyncio.run(main())\n"
    )
    import sys

    parent = await asyncio.create_subprocess_exec(
        sys.executable, str(script), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    await parent.wait()
    await until(
        lambda: not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text()
    )

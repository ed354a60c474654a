"""Whatever a file does to its decoder, the service goes on and the next file is decoded."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from photoplay.storage.decoders import DecoderDiedError, DecoderPool, Limits, read_answer
from photoplay.storage.errors import PictureError, StorageUnavailableError
from photoplay.storage.pictures import PictureLimits, intake_picture
from photoplay.storage.refusals import Refusal

PICTURE = Path(__file__).parents[2] / "samples" / "coffee.jpg"


def idle_child(pool: DecoderPool) -> int:
    return pool._idle.queue[-1]._process.pid


def picture_task(out: Path) -> dict[str, object]:
    return {
        "out": str(out),
        "sizes": {
            "max_pixels": 10**9,
            "min_side_px": 1,
            "max_side_px": 10**6,
            "max_ratio": 10**6,
        },
        "out_side_px": 4096,
        "out_bytes": 10**7,
    }


async def test_child_killed_while_idle_is_replaced_unnoticed(tmp_path: Path) -> None:
    with DecoderPool(1) as pool:
        await pool.warm()
        first = idle_child(pool)
        os.kill(first, signal.SIGKILL)
        await intake_picture(PICTURE, tmp_path / "out.jpg", decoders=pool)
        assert idle_child(pool) != first


async def test_child_is_reused(tmp_path: Path) -> None:
    with DecoderPool(1) as pool:
        await pool.warm()
        first = idle_child(pool)
        for number in range(3):
            await intake_picture(PICTURE, tmp_path / f"{number}.jpg", decoders=pool)
        assert idle_child(pool) == first


async def test_stuck_child_is_killed_and_replaced(tmp_path: Path) -> None:
    with DecoderPool(1) as pool:
        await pool.warm()
        stuck = idle_child(pool)
        os.kill(stuck, signal.SIGSTOP)
        with pytest.raises(PictureError) as caught:
            await intake_picture(
                PICTURE,
                tmp_path / "out.jpg",
                decoders=pool,
                limits=PictureLimits(seconds=0.1),
            )
        assert caught.value.code == "image_unreadable"
        assert not Path(f"/proc/{stuck}").exists()
        await intake_picture(PICTURE, tmp_path / "out.jpg", decoders=pool)


async def test_child_killed_at_work_costs_nobody_a_picture(tmp_path: Path) -> None:
    with DecoderPool(1) as pool:
        await pool.warm()
        child = idle_child(pool)
        os.kill(child, signal.SIGSTOP)
        limits = PictureLimits(seconds=60)
        intake = asyncio.create_task(
            intake_picture(PICTURE, tmp_path / "out.jpg", decoders=pool, limits=limits)
        )
        while pool._idle.qsize():
            await asyncio.sleep(0)
        os.kill(child, signal.SIGKILL)
        await intake


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"died": -signal.SIGALRM, "cpu_s": 1.9}, DecoderDiedError),
        ({"died": -signal.SIGALRM, "cpu_s": 0.3}, StorageUnavailableError),
        ({"died": -signal.SIGXCPU, "cpu_s": 3.0}, DecoderDiedError),
        ({"died": -signal.SIGSEGV, "cpu_s": 0.0}, DecoderDiedError),
        ({"died": 1, "cpu_s": 0.0}, DecoderDiedError),
        ({"code": "image_type", "message": "no", "details": {}}, Refusal),
    ],
)
def test_a_busy_machine_is_not_a_bad_picture(
    answer: dict[str, object], error: type[Exception]
) -> None:
    with pytest.raises(error):
        read_answer(answer, 2.0)


async def test_memory_and_output_limits_hold(decoders: DecoderPool, tmp_path: Path) -> None:
    source = tmp_path / "large.png"
    Image.new("1", (12_000, 12_000)).save(source)
    large = {"source": str(source), **picture_task(tmp_path / "out.jpg")}
    # 144 MB for the pixels alone.
    with pytest.raises((Refusal, DecoderDiedError)):
        await decoders.run("picture", Limits(30, 256 << 20, 10**8), **large)
    with pytest.raises((Refusal, DecoderDiedError)):
        await decoders.run("picture", Limits(30, 2 << 30, 10_000), **large)
    await decoders.run("picture", Limits(30, 2 << 30, 10**8), **large)


async def test_concurrent_files_do_not_mix(
    decoders: DecoderPool, tmp_path: Path, photograph: Image.Image
) -> None:
    async def one(side: int) -> None:
        source = tmp_path / f"{side}.png"
        photograph.resize((side, side)).save(source)
        result = await intake_picture(source, tmp_path / f"{side}.jpg", decoders=decoders)
        assert (result.width, result.height) == (side, side)

    await asyncio.gather(*(one(side) for side in range(64, 80)))


async def test_decoders_know_no_secret_of_ours(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("FAL_KEY", "canary-secret")
    with DecoderPool(1) as pool:
        await pool.warm()
        environment = Path(f"/proc/{idle_child(pool)}/environ").read_bytes()
        assert b"canary-secret" not in environment
        assert b"PYTHONPATH" in environment


def test_children_end_with_a_killed_service() -> None:
    script = (
        "import asyncio, sys\n"
        "from photoplay.storage.decoders import DecoderPool\n"
        "async def main():\n"
        "    pool = DecoderPool(1)\n"
        "    await pool.warm()\n"
        "    print(pool._idle.queue[-1]._process.pid, flush=True)\n"
        "    sys.stdin.read()\n"
        "asyncio.run(main())\n"
    )
    service = subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )
    with service:
        child = os.pidfd_open(int(service.stdout.readline()))
        service.kill()
        ended, _, _ = select.select([child], [], [], 30)
        os.close(child)
        assert ended, "the decoder outlived the service"


async def test_pool_serves_several_event_loops(tmp_path: Path, decoders: DecoderPool) -> None:
    def in_another_loop() -> None:
        asyncio.run(intake_picture(PICTURE, tmp_path / "other.jpg", decoders=decoders))

    await asyncio.gather(
        asyncio.to_thread(in_another_loop),
        intake_picture(PICTURE, tmp_path / "this.jpg", decoders=decoders),
    )
    assert (tmp_path / "other.jpg").read_bytes() == (tmp_path / "this.jpg").read_bytes()

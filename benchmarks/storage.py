"""What moving and decoding cost: 1 GiB through the store, and pictures through the intake.

Run `python -m benchmarks.storage [folder]`; the folder (default: a temporary one) needs 3 GiB.
Each transfer stands beside a plain copy with fsync in the same run on the same disk.
"""

from __future__ import annotations

import asyncio
import io
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from photoplay.storage.decoders import DecoderPool
from photoplay.storage.objects import open_store
from photoplay.storage.pictures import intake_picture
from photoplay.storage.ranges import resolve_range
from photoplay.storage.signing import sign_media, verify_media

MIB = 1 << 20
SIZE_MIB = 1024
SAMPLE = Path(__file__).parents[1] / "tests" / "samples" / "mountains.jpg"


def resident_mib() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / MIB


@contextmanager
def growth() -> Iterator[list[float]]:
    """Yield a list that holds the growth of resident memory in MiB afterwards."""
    before, peak, result = resident_mib(), [resident_mib()], []
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.005):
            peak[0] = max(peak[0], resident_mib())

    watcher = threading.Thread(target=watch)
    watcher.start()
    yield result
    done.set()
    watcher.join()
    result.append(peak[0] - before)


async def chunks() -> AsyncIterator[bytes]:
    block = os.urandom(256 << 10)
    for _ in range(SIZE_MIB * 4):
        yield block


async def measure(name: str, transfer: Awaitable[object], reference_s: float) -> None:
    with growth() as grown:
        start, cpu = time.perf_counter(), time.process_time()
        await transfer
        wall, cpu = time.perf_counter() - start, time.process_time() - cpu
    print(
        f"{name:<22} {wall:6.2f} s  {SIZE_MIB / wall:6.0f} MiB/s  cpu {cpu:5.2f} s"
        f"  x{wall / reference_s:4.2f} of plain copy  memory +{grown[0]:.0f} MiB"
    )


async def transfers(folder: Path) -> None:
    source, copy = folder / "source", folder / "copy"
    with source.open("wb") as file:
        async for block in chunks():
            file.write(block)
    start = time.perf_counter()
    shutil.copyfile(source, copy)
    with copy.open("rb") as file:
        os.fsync(file.fileno())
    reference_s = time.perf_counter() - start
    copy.unlink()
    print(f"plain copy with fsync  {reference_s:6.2f} s  {SIZE_MIB / reference_s:6.0f} MiB/s")
    with open_store((folder / "objects").as_uri()) as store:

        async def read() -> None:
            async for _ in store.read_range("stream", 0, SIZE_MIB * MIB):
                pass

        await measure(
            "put_stream", store.put_stream(chunks(), "stream", content_type="x/y"), reference_s
        )
        await measure("read_range", read(), reference_s)
        await measure("get_file", store.get_file("stream", copy), reference_s)
        await store.delete(["stream"])
        await measure("put_file", store.put_file(source, "file", content_type="x/y"), reference_s)
        await measure(
            "put_file, adopted", store.put_file(source, "file", content_type="x/y"), reference_s
        )


async def pictures(folder: Path) -> None:
    from PIL import Image

    with Image.open(SAMPLE) as sample:
        sides = {"2.8 MP": sample.size, "12 MP": (4032, 3024), "48 MP": (8064, 6048)}
        with DecoderPool(1) as decoders:
            start = time.perf_counter()
            await decoders.warm()
            print(f"decoder warm after {1000 * (time.perf_counter() - start):.0f} ms")
            for name, size in sides.items():
                file = io.BytesIO()
                sample.resize(size).save(file, "JPEG", quality=85)
                best = min([await timed(folder, decoders, file.getvalue()) for _ in range(5)])
                print(
                    f"JPEG {name:<8} {len(file.getvalue()) / MIB:5.1f} MiB  {1000 * best:6.0f} ms"
                )


async def timed(folder: Path, decoders: DecoderPool, data: bytes) -> float:
    out = folder / "out.jpg"
    out.unlink(missing_ok=True)
    start = time.perf_counter()
    await intake_picture(data, out, decoders=decoders)
    return time.perf_counter() - start


def pure_functions() -> None:
    now, secrets, rounds = datetime.now(UTC), [b"s" * 32], 20_000
    key = "0b54a0a2-27d2/generated-videos/7c1d8c2e.mp4"
    url = sign_media(key, expires_at=now + timedelta(hours=1), secrets=secrets)
    expires, _, signature = url.partition("expires=")[2].partition("&signature=")
    start = time.process_time()
    for _ in range(rounds):
        verify_media(key, expires, signature, method="GET", now=now, secrets=secrets)
    print(f"verify_media {1e6 * (time.process_time() - start) / rounds:.1f} us")
    start = time.process_time()
    for _ in range(rounds):
        resolve_range("bytes=131072-", 5_000_000, '"tag"', '"tag"')
    print(f"resolve_range {1e6 * (time.process_time() - start) / rounds:.1f} us")


def main() -> None:
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as name:
        folder = Path(name)
        asyncio.run(transfers(folder))
        asyncio.run(pictures(folder))
    pure_functions()


if __name__ == "__main__":
    main()

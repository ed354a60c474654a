"""Eight finished clips of 256 MiB on their way from a provider into the store, at once.

The worker is `photoplay worker`: it downloads, looks at each clip, makes its poster and stores it, in a
local folder. The clips are real H.264 of noise, with the index in front. How much memory the worker
takes for it is read from the kernel's own mark; what its decoding children take is sampled beside.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import psycopg

from benchmarks.figures import Goal, Plan, Sheet
from benchmarks.installation import (
    Installation,
    PhotoplayWorker,
    Worker,
    children_of,
    forget_peak,
    new_installation,
    peak_mib,
    read_line,
    resident_mib,
)
from photoplay.storage.durability import flush_file
from tests.support.clips import make_clip

TRANSFERS = 8
CLIP_MIB = 256
_NOISE_FRAMES = 6
_PATIENCE_S = 600.0

# Delivered, and not fetched yet: no trigger would let a job begin like that.
_DELIVER = """
set session_replication_role = replica;
insert into public.video_jobs (
    id, user_id, source_image_url, image_id, provider, options, result,
    status, phase, version, started_at
)
select gen_random_uuid(), i.user_id, i.path, i.id, 'fal-pika', '{{}}', '{{}}',
    'running', 'storing', 5, now()
from public.video_images i order by i.id limit {jobs};
insert into photoplay.attempts (
    id, job_id, user_id, n, provider, model, status, fence, callback_token, provider_task_id,
    outcome, charged, sent_at, accepted_at, finished_at
)
select id, id, user_id, 1, 'fal-pika', 'fal-ai/pika/v2.2/image-to-video', 'succeeded', 1, id::text,
    id::text, '{{"location": "{url}"}}', true, now(), now(), now()
from public.video_jobs where phase = 'storing';
set session_replication_role = origin;
select photoplay.wake(id) from public.video_jobs where phase = 'storing';
"""


def measure(plan: Plan) -> Sheet:
    """Move the clips, beside plain copies of the same bytes."""
    sheet = Sheet(f"Transfers ({TRANSFERS} clips of {CLIP_MIB} MiB at once, one worker process)")
    with new_installation(plan.folder) as installation:
        installation.add_users(TRANSFERS)
        small = make_clip(installation.folder / "small.mp4")
        large = _noise(installation.folder / "large.mp4")
        for _ in range(min(plan.runs, 3)):
            _copies(sheet, installation.folder, large)
            _one_run(sheet, installation, small, large)
    sheet.notes += [
        "Copies: the same number of plain copies at once, each flushed to disk.",
        "Growth: the worker's peak above what it held after a first, small clip.",
    ]
    return sheet


def _noise(path: Path) -> Path:
    """Write a clip of the wanted size: a few frames of noise, over and over."""
    with av.open(str(path), "w", options={"movflags": "+faststart"}) as out:
        stream = out.add_stream("libx264", rate=24, options={"preset": "ultrafast", "qp": "0"})
        stream.width, stream.height, stream.pix_fmt = 1920, 1080, "yuv420p"
        stream.time_base = Fraction(1, 24)
        stream.gop_size = 1
        chance = np.random.default_rng(1)
        pictures = [
            av.VideoFrame.from_ndarray(
                chance.integers(0, 256, (1080, 1920, 3), dtype=np.uint8), format="rgb24"
            )
            for _ in range(_NOISE_FRAMES)
        ]
        written = n = 0
        while written < CLIP_MIB << 20:
            frame = pictures[n % _NOISE_FRAMES]
            frame.pts, frame.time_base = n, Fraction(1, 24)
            n += 1
            for packet in stream.encode(frame):
                written += packet.size
                out.mux(packet)
        out.mux(stream.encode(None))
    return path


def _copies(sheet: Sheet, folder: Path, clip: Path) -> None:
    def copy(n: int) -> None:
        target = folder / f"copy-{n}"
        shutil.copyfile(clip, target)
        flush_file(target)

    began = time.perf_counter()
    with ThreadPoolExecutor(TRANSFERS) as threads:
        list(threads.map(copy, range(TRANSFERS)))
    sheet.figure("plain copies", "s").samples.append(time.perf_counter() - began)
    for n in range(TRANSFERS):
        (folder / f"copy-{n}").unlink()


@contextmanager
def _host(file: Path) -> Iterator[str]:
    with Worker("benchmarks.file_server", file=str(file)) as server:
        port = read_line(server.process, starting="ready").split()[1]
        yield f"http://127.0.0.1:{port}/clip.mp4"


def _one_run(sheet: Sheet, installation: Installation, small: Path, large: Path) -> None:
    installation.forget_jobs()
    settings = {"FAL_KEY": "benchmark:key", "PHOTOPLAY_ALLOWED_NETWORKS": "127.0.0.0/8"}
    with (
        installation.owner() as owner,
        _host(small) as first,
        _host(large) as url,
        PhotoplayWorker(installation, **settings) as worker,
    ):
        owner.execute(_DELIVER.format(jobs=1, url=first))
        _until_stored(owner, worker, 1)
        owner.execute("truncate public.video_jobs cascade")
        held, cpu_s = resident_mib(worker.pid), worker.cpu_s()
        forget_peak(worker.pid)
        began = time.perf_counter()
        owner.execute(_DELIVER.format(jobs=TRANSFERS, url=url))
        children = _until_stored(owner, worker, TRANSFERS)
        took_s = time.perf_counter() - began
        grown, cpu_s = peak_mib(worker.pid) - held, worker.cpu_s() - cpu_s
    shutil.rmtree(installation.folder / "objects")
    copies = sheet.figure("plain copies", "s")
    sheet.figure("transfers", "s", against=copies).samples.append(took_s)
    goals = [Goal("≤", 64)]
    sheet.figure("· growth of the worker", "MiB", goals=goals).samples.append(grown)
    sheet.figure("· decoding children, peak", "MiB").samples.append(children)
    rate = sheet.figure("· CPU of the worker", "s/GiB")
    rate.samples.append(cpu_s / (TRANSFERS * CLIP_MIB / 1024))


def _until_stored(owner: psycopg.Connection, worker: PhotoplayWorker, jobs: int) -> float:
    """Return the most memory that the worker's children had in all until every job has its video."""
    most = 0.0
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        rows = owner.execute("select status, count(*) from public.video_jobs group by 1").fetchall()
        found: dict[str, int] = dict(rows)
        if found.get("succeeded") == jobs:
            return most
        if "failed" in found or time.monotonic() > deadline:
            raise RuntimeError(f"{found}; {worker.last_words()}")
        most = max(most, sum(map(resident_mib, children_of(worker.pid))))
        time.sleep(0.05)

"""An installation to measure: a fresh data folder, its durable Postgres, users, and real processes."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from uuid import UUID

import jwt
import psycopg

from photoplay import embedded
from photoplay.db.migrate import migrate
from photoplay.stack import APP_ROLE, ensure_app_role

ROOT = Path(__file__).parents[1]
SECRET = "the secret of the benchmarks, 32 bytes or more"
USERS = 4000
PAID_PROVIDER = "fal-pika"
"""A provider with a list price; without a worker nothing is sent to it."""
_USER, _IMAGE = 0x01 << 120, 0x02 << 120
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_START_WITHIN_S = 60.0

_ADD_USERS = """
insert into public.video_images (id, user_id, path, content_type, width, height, bytes, sha256)
select ('02' || lpad(to_hex(n), 30, '0'))::uuid, ('01' || lpad(to_hex(n), 30, '0'))::uuid,
    'benchmark/' || n || '.jpg', 'image/jpeg', 640, 480, 100000, sha256(n::text::bytea)
from generate_series(1, %s) n
"""
_FORGET_JOBS = """
truncate public.video_jobs, public.video_quota, photoplay.attempts, photoplay.leases,
    photoplay.events, photoplay.quota_ledger, photoplay.erased_jobs, photoplay.pgqueuer,
    photoplay.spend, photoplay.job_spend, photoplay.request_rates cascade
"""


def user_id(n: int) -> UUID:
    """Return the id of the n-th user, from 1."""
    return UUID(int=_USER + n)


def image_id(n: int) -> UUID:
    """Return the id of the n-th user's picture."""
    return UUID(int=_IMAGE + n)


def token(user: UUID) -> str:
    """Return a bearer token of a user."""
    claims = {"sub": str(user), "aud": "authenticated", "exp": int(time.time()) + 86400}
    return jwt.encode(claims, SECRET, algorithm="HS256")


@dataclass(frozen=True)
class Installation:
    """A data folder whose Postgres runs for as long as this process uses it.

    Attributes:
        owner_dsn: as the superuser, for preparing and looking.
        app_dsn: as Photoplay's processes log in.
    """

    folder: Path
    postgres: embedded.EmbeddedPostgres
    owner_dsn: str
    app_dsn: str

    def owner(self) -> psycopg.Connection:
        """Return a session that sees everything; the caller closes it."""
        return psycopg.connect(self.owner_dsn, autocommit=True)

    def add_users(self, count: int = USERS) -> None:
        """Give `count` users a picture each; the row is all of it that a creation looks at."""
        with self.owner() as owner:
            owner.execute(_ADD_USERS, (count,))
            owner.execute("vacuum analyze public.video_images")

    def forget_jobs(self) -> None:
        """Make the tables as small as they were at first, so that every sample begins alike."""
        with self.owner() as owner:
            owner.execute(_FORGET_JOBS)
            owner.execute("checkpoint")

    def cpu_s(self) -> float:
        """Return the CPU time of Postgres with its children so far."""
        root = self.postgres.pid
        if root is None:
            raise RuntimeError("the embedded Postgres is not running")
        return cpu_of_tree(root)


@contextmanager
def new_installation(parent: Path | None) -> Iterator[Installation]:
    """Make an installation in a folder of its own; Postgres is as durable as a real one's."""
    with tempfile.TemporaryDirectory(prefix="photoplay-bench-", dir=parent) as name:
        folder = Path(name)
        postgres = embedded.use(folder)
        try:
            owner_dsn = postgres.dsn()
            migrate(owner_dsn)
            ensure_app_role(owner_dsn)
            yield Installation(folder, postgres, owner_dsn, postgres.dsn(APP_ROLE))
        finally:
            postgres.release()
            _until_stopped(folder)


def _until_stopped(folder: Path) -> None:
    deadline = time.monotonic() + _START_WITHIN_S
    while embedded.status(folder).status != "stopped" and time.monotonic() < deadline:
        time.sleep(0.05)


def clean_environment(**more: str) -> dict[str, str]:
    """Return this environment without settings of Photoplay, and with `more`."""
    ours = ("PHOTOPLAY_", "VIDEO_", "DATABASE_URL", "FAL_", "RUNWAY", "KLING_")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    return {**kept, "PYTHONPATH": str(ROOT), **more}


class Command:
    """A long-running command of ours as a process; its log is in the installation's folder.

    Args:
        settings: beside the data folder, as the environment names them.
    """

    def __init__(self, installation: Installation, *words: str, **settings: str) -> None:
        self._log = (installation.folder / f"{words[0]}.log").open("ab")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "photoplay", *words, "--data-dir", str(installation.folder)],
            cwd=installation.folder,
            env=clean_environment(**settings),
            # Unbuffered: a line that was read ahead would not be seen to be there.
            bufsize=0,
            stdout=subprocess.PIPE,
            stderr=self._log,
        )

    def read_line(self, *, starting: str) -> str:
        """Return its first line of output that starts so."""
        return read_line(self._process, starting=starting)

    def log(self) -> str:
        """Return what it has logged, with all before it of that name."""
        return Path(self._log.name).read_text(encoding="utf-8", errors="replace")

    @property
    def pid(self) -> int:
        return self._process.pid

    def last_words(self) -> str:
        """Return whether it runs, and the end of its log."""
        state = "it runs" if self._process.poll() is None else f"ended {self._process.returncode}"
        return f"{state}: {self.log()[-2000:]}"

    def cpu_s(self) -> float:
        """Return its CPU time so far, without its children's."""
        return _cpu_s(self.pid)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        stop(self._process)
        self._log.close()


class Server(Command):
    """`photoplay serve --no-worker` as a process, with users told apart by tokens.

    Attributes:
        port: where it listens on loopback.
    """

    def __init__(self, installation: Installation) -> None:
        super().__init__(
            installation,
            *("serve", "--no-worker", "--port", "0"),
            PHOTOPLAY_JWT_SECRET=SECRET,
            VIDEO_DAILY_LIMIT="1000000",
            VIDEO_MAX_OPEN_JOBS="1000000",
            VIDEO_PROVIDER_PRIORITY=f"local,{PAID_PROVIDER}",
            FAL_KEY="not:used",
        )
        line = self.read_line(starting="Photoplay is at")
        self.port = int(line.rpartition(":")[2])


class PhotoplayWorker(Command):
    """`photoplay worker` as a process, from when it has signed on."""

    def __init__(self, installation: Installation, **settings: str) -> None:
        super().__init__(installation, "worker", **settings)
        deadline = time.monotonic() + _START_WITHIN_S
        with installation.owner() as owner:
            while not owner.execute(
                "select id from photoplay.workers where pid = %s", (self.pid,)
            ).fetchone():
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise RuntimeError(f"the worker did not sign on; {self.last_words()}")
                time.sleep(0.05)


class Worker:
    """A process of `benchmarks.engine_worker`: told what to do by JSON, answers JSON at its end."""

    def __init__(self, module: str, **orders: Any) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", module],
            cwd=ROOT,
            env=clean_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(orders).encode() + b"\n")
        self.process.stdin.flush()

    def until_ready(self) -> None:
        """Return when it says `ready`."""
        read_line(self.process, starting="ready")

    def go(self) -> None:
        """Let it begin."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"go\n")
        self.process.stdin.flush()

    def result(self, *, stop_it: bool = False) -> dict[str, Any]:
        """Return what it found out; it ends by itself, or when it is told to."""
        if stop_it:
            self.process.send_signal(signal.SIGTERM)
        out, _ = self.process.communicate(timeout=600)
        if self.process.returncode:
            raise RuntimeError(f"{self.process.args} ended with {self.process.returncode}")
        return json.loads(out.splitlines()[-1])

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        stop(self.process)


def ask(module: str, **orders: Any) -> dict[str, Any]:
    """Run a process of ours to its end and return its answer."""
    with Worker(module, **orders) as worker:
        return worker.result()


def read_line(process: subprocess.Popen[bytes], *, starting: str) -> str:
    """Return the first line of output that starts so.

    Raises:
        RuntimeError: the process ended, or did not say so within a minute.
    """
    assert process.stdout is not None
    deadline = time.monotonic() + _START_WITHIN_S
    while time.monotonic() < deadline:
        if not select.select([process.stdout], [], [], 1.0)[0]:
            continue
        line = process.stdout.readline().decode()
        if line.startswith(starting):
            return line.strip()
        if not line:
            break
    raise RuntimeError(f"{process.args} did not say {starting!r}")


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process in good order, and by force if it takes too long."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


def cpu_of_tree(root: int) -> float:
    """Return the CPU time of a process and its living and ended children."""
    total = _cpu_s(root, with_ended=True)
    for child in children_of(root):
        try:
            total += _cpu_s(child, with_ended=True)
        except OSError:
            continue
    return total


def children_of(root: int) -> list[int]:
    """Return the living children of a process, and theirs."""
    parents: dict[int, list[int]] = {}
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                parent = int(_stat(int(path.name))[1])
            except (OSError, IndexError):
                continue
            parents.setdefault(parent, []).append(int(path.name))
    found: list[int] = []
    new = [root]
    while new:
        new = [child for parent in new for child in parents.get(parent, [])]
        found += new
    return found


def _cpu_s(pid: int, *, with_ended: bool = False) -> float:
    fields = _stat(pid)
    return sum(map(int, fields[11 : 15 if with_ended else 13])) * _TICK_S


def _stat(pid: int) -> list[str]:
    # The command's name may hold spaces; what follows its bracket is counted from field 3.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def peak_mib(pid: int) -> float:
    """Return the most memory that a process has had in RAM so far, or since `forget_peak`."""
    return _status_mib(pid, "VmHWM:")


def forget_peak(pid: int) -> None:
    """Count the peak of a process from now on."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def resident_mib(pid: int) -> float:
    """Return the memory that a process has in RAM; nothing when it has ended."""
    try:
        return _status_mib(pid, "VmRSS:")
    except OSError:
        return 0.0


def _status_mib(pid: int, name: str) -> float:
    # A process that has just ended has no memory any more.
    found = Path(f"/proc/{pid}/status").read_text().partition(name)[2].split()
    return int(found[0]) / 1024 if found else 0.0

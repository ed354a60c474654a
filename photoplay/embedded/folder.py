"""Where everything lies in a data folder, its locks, and what the supervisor publishes there.

Locks are flock() locks: the kernel gives them back when their holder dies, however it dies.

- `users.lock`: shared by every process that uses the server; the supervisor stops the server once
  it can take it exclusively, and keeps it until it has exited.
- `supervisor.lock`: exclusive, taken by the process that starts a supervisor and inherited by it.
- `state.json`: replaced as a whole; its writer holds a lock on the very file it wrote, so that a
  reader can tell what a living supervisor says from what a dead one left.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import secrets
from collections.abc import Generator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

Status = Literal["starting", "ready", "stopping", "failed"]


@dataclass(frozen=True)
class Folder:
    """The layout below `<data folder>/postgres`."""

    root: Path

    @classmethod
    def of(cls, data_dir: Path) -> Folder:
        """Returns the layout for a data folder, which need not exist yet."""
        return cls(data_dir.expanduser().resolve() / "postgres")

    @property
    def pgdata(self) -> Path:
        """PostgreSQL's own data directory."""
        return self.root / "pgdata"

    @property
    def run_dir(self) -> Path:
        """Preferred place of the Unix socket; mode 0700."""
        return self.root / "run"

    @property
    def log_file(self) -> Path:
        """Log of the server and its supervisor; one older part lies beside it as `.1`."""
        return self.root / "postgres.log"

    @property
    def password_file(self) -> Path:
        """Password of the superuser on TCP; mode 0600."""
        return self.root / "password"

    @property
    def port_file(self) -> Path:
        """The TCP port, kept over restarts as long as it is free."""
        return self.root / "port"

    @property
    def socket_dir_file(self) -> Path:
        """Names the private socket folder where `run_dir` cannot hold a socket."""
        return self.root / "socket_dir"

    @property
    def users_lock(self) -> Path:
        """Held shared by every process that uses the server."""
        return self.root / "users.lock"

    @property
    def supervisor_lock(self) -> Path:
        """Held exclusively by the supervisor."""
        return self.root / "supervisor.lock"

    @property
    def state_file(self) -> Path:
        """What the supervisor last published."""
        return self.root / "state.json"

    def cluster_major(self) -> int | None:
        """Returns the major version that made the cluster, None where there is no cluster."""
        try:
            return int((self.pgdata / "PG_VERSION").read_text().split(".")[0])
        except FileNotFoundError:
            return None

    def cluster_name(self) -> str:
        """Returns a name that this folder's server processes carry in their titles.

        It is the identity of the folder itself, so that a copied or moved folder never takes the
        processes of another one for its own.
        """
        about = self.root.stat()
        return f"photoplay-{about.st_dev:x}-{about.st_ino:x}"


@dataclass(frozen=True)
class ServerState:
    """What the supervisor says about the server."""

    status: Status
    supervisor_pid: int
    postmaster_pid: int | None = None
    port: int | None = None
    socket_dir: str | None = None
    version: str | None = None
    message: str = ""


def try_lock(fd: int, *, exclusive: bool) -> bool:
    """Returns whether the flock() on the open file could be taken without waiting."""
    try:
        fcntl.flock(fd, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def opened(path: Path, flags: int) -> Generator[int]:
    """Yields a descriptor of the file (mode 0600 if created) and closes it, and so its lock."""
    fd = os.open(path, flags, 0o600)
    try:
        yield fd
    finally:
        os.close(fd)


def write_private(path: Path, text: str) -> None:
    """Replaces a file by one with this text and mode 0600, in one step."""
    new = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with opened(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL) as fd:
        os.write(fd, text.encode())
    new.replace(path)


class StatePublisher:
    """Writes `state.json` for the supervisor and keeps the proof that its writer lives."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._fd: int | None = None

    def publish(self, state: ServerState) -> None:
        """Replaces the published state; readers see the old one or the new one."""
        new = self._folder.state_file.with_name(f"state.json.{secrets.token_hex(4)}")
        fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(fd, fcntl.LOCK_EX)
        os.write(fd, json.dumps(asdict(state)).encode())
        new.replace(self._folder.state_file)
        if self._fd is not None:
            os.close(self._fd)
        self._fd = fd

    def withdraw(self) -> None:
        """Removes the published state."""
        self._folder.state_file.unlink(missing_ok=True)


def read_state(folder: Folder) -> tuple[ServerState, bool] | None:
    """Returns the published state and whether its writer lives; None when there is none."""
    while True:
        try:
            with opened(folder.state_file, os.O_RDONLY) as fd:
                state = ServerState(**json.loads(os.read(fd, 65536)))
                alive = not try_lock(fd, exclusive=False)
                # A writer that replaced the file meanwhile has let go of the one read here.
                replaced = not alive and os.fstat(fd).st_nlink == 0
        except FileNotFoundError:
            return None
        if not replaced:
            return state, alive


def log_tail(folder: Folder, *, since: int = 0, lines: int = 12) -> str:
    """Returns the last lines of the log, from a byte offset on."""
    try:
        with folder.log_file.open("rb") as log:
            log.seek(max(since, log.seek(0, os.SEEK_END) - 16384))
            text = log.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])

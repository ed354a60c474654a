"""What a process does to use the Postgres of a data folder."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import json
import logging
import os
import pwd
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from photoplay.embedded.binaries import bin_dirs
from photoplay.embedded.cluster import (
    DATABASE,
    HOST,
    OWNED_SETTINGS,
    SUPERUSER,
    clean_environment,
)
from photoplay.embedded.errors import EmbeddedPostgresError
from photoplay.embedded.folder import (
    Folder,
    ServerState,
    Status,
    log_tail,
    opened,
    read_state,
    try_lock,
)
from photoplay.embedded.supervisor import Plan

_logger = logging.getLogger(__name__)
_POLL_S = 0.02
_SPAWN_TRIES = 3
_RECOVERY_S = 60.0
_RECOVERY_PAUSES_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


@dataclass(frozen=True)
class EmbeddedPostgres:
    """A running server, as `use` returned it.

    Attributes:
        data_dir: the data folder; the server's own files are in its `postgres` folder.
        port: TCP port on 127.0.0.1, also part of the socket's name.
        socket_dir: folder of the Unix socket, mode 0700.
        version: PostgreSQL's version, such as `18.6`.
    """

    data_dir: Path
    port: int
    socket_dir: Path
    version: str
    _password: str = field(repr=False)
    _ticket: int = field(repr=False, compare=False)

    def dsn(self, user: str = SUPERUSER, dbname: str = DATABASE) -> str:
        """Returns a `postgresql://` address over the Unix socket; it holds no secret.

        Any role that may log in needs no password there: the socket's folder is open to its owner
        only.
        """
        return (
            f"postgresql://{quote(user, safe='')}@/{quote(dbname, safe='')}"
            f"?host={quote(str(self.socket_dir), safe='')}&port={self.port}"
        )

    def owner_url(self) -> str:
        """Returns the superuser's `postgresql://` address over TCP, with its password: a secret."""
        password = quote(self._password, safe="")
        return f"postgresql://{SUPERUSER}:{password}@{HOST}:{self.port}/{DATABASE}"

    @property
    def pid(self) -> int | None:
        """Process number of the server as of now; None while it is not running."""
        found = read_state(Folder.of(self.data_dir))
        return found[0].postmaster_pid if found and found[1] else None

    def release(self) -> None:
        """Gives this use up; the server stops when it was the last one of the last process.

        Idempotent. Other uses of the same folder in this process are not affected.
        """
        _release(Folder.of(self.data_dir), self._ticket)


@dataclass(frozen=True)
class EmbeddedStatus:
    """What `status` saw, without touching anything.

    Attributes:
        status: `absent` no database yet, `stopped` nobody uses it, else the supervisor's word;
            `failed` is the end of the last start, with its `message`.
        folder: where the server's files are.
        log_file: the server's log; it holds neither statements nor values.
        cluster_major: PostgreSQL major version that made the database.
        version: version of the running server.
    """

    status: Literal["absent", "stopped"] | Status
    folder: Path
    log_file: Path
    cluster_major: int | None = None
    version: str | None = None
    supervisor_pid: int | None = None
    pid: int | None = None
    port: int | None = None
    socket_dir: Path | None = None
    message: str = ""


@dataclass
class _Attachment:
    """This process' hold on one folder."""

    folder: Folder
    bin_dir: Path | None
    settings: dict[str, str]
    users_fd: int
    tickets: set[int] = field(default_factory=set[int])


_lock = threading.RLock()
_attachments: dict[Path, _Attachment] = {}
_guards: dict[Path, threading.Thread] = {}
_tickets = itertools.count()


def use(
    data_dir: Path,
    *,
    bin_dir: Path | None = None,
    settings: Mapping[str, str] | None = None,
    timeout_s: float = 60,
) -> EmbeddedPostgres:
    """Returns the running server of the data folder, made and started if need be.

    It stays up as long as this process lives or until every use in it is released. When its
    supervisor is killed, a thread of this process starts another one; calling `use` again does the
    same at once. Blocks; not for an event loop.

    Args:
        data_dir: the data folder; made if missing.
        bin_dir: folder of PostgreSQL's programs (`PHOTOPLAY_PG_BIN`), 15 or newer.
        settings: PostgreSQL settings over ours, such as `{"fsync": "off"}` in tests. They count for
            the process that starts the server; one that finds it running takes it as it is.
        timeout_s: how long the whole may take. A first start takes about a second; recovery after
            a power cut may take longer and goes on after a time-out, so trying again is right.

    Raises:
        EmbeddedPostgresError: with what to do about it. Trying again helps only where it says so.
        ValueError: a setting that is not the caller's to choose.
    """
    given = dict(settings or {})
    if refused := sorted(OWNED_SETTINGS & given.keys()):
        raise ValueError(f"settings kept by the embedded Postgres: {', '.join(refused)}")
    deadline = time.monotonic() + timeout_s
    folder = Folder.of(data_dir)
    with _lock:
        attachment = _current_attachment(folder)
        is_new = attachment is None
        if attachment is None:
            attachment = _attach(folder, bin_dir, given, deadline)
        try:
            state = _ensure_server(attachment, deadline)
            password = folder.password_file.read_text().strip()
        except BaseException as error:
            if is_new:
                _let_go(attachment)
            if isinstance(error, OSError):
                raise _unusable(folder, error) from error
            raise
        _attachments[folder.root] = attachment
        attachment.tickets.add(ticket := next(_tickets))
        _start_guard(folder)
    return EmbeddedPostgres(
        data_dir=folder.root.parent,
        port=state.port or 0,
        socket_dir=Path(state.socket_dir or folder.run_dir),
        version=state.version or "",
        _password=password,
        _ticket=ticket,
    )


def status(data_dir: Path) -> EmbeddedStatus:
    """Returns what is known of the folder's server; starts nothing and changes nothing."""
    folder = Folder.of(data_dir)
    major = folder.cluster_major()
    found = read_state(folder)
    if found is None or not (found[1] or found[0].status == "failed"):
        word: Literal["absent", "stopped"] = "absent" if major is None else "stopped"
        return EmbeddedStatus(word, folder.root, folder.log_file, cluster_major=major)
    state, lives = found
    return EmbeddedStatus(
        state.status,
        folder.root,
        folder.log_file,
        cluster_major=major,
        version=state.version,
        supervisor_pid=state.supervisor_pid if lives else None,
        pid=state.postmaster_pid,
        port=state.port,
        socket_dir=Path(state.socket_dir) if state.socket_dir else None,
        message=state.message,
    )


def _attach(
    folder: Folder, bin_dir: Path | None, settings: dict[str, str], deadline: float
) -> _Attachment:
    """Takes the users' lock; a supervisor that is just stopping its server is waited for."""
    try:
        folder.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = folder.root.stat().st_uid
        if owner != os.geteuid():
            raise EmbeddedPostgresError(
                f"The folder {folder.root} belongs to the user {_user_name(owner)}, and this"
                f" process runs as {_user_name(os.geteuid())}. Run it as {_user_name(owner)}, or"
                " choose another folder with --data-dir."
            )
        folder.root.chmod(0o700)
        users_fd = os.open(folder.users_lock, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise _unusable(folder, error) from error
    while not try_lock(users_fd, exclusive=False):
        if time.monotonic() > deadline:
            os.close(users_fd)
            raise EmbeddedPostgresError(
                f"The Postgres in {folder.root} is still stopping. Try again; its log is"
                f" {folder.log_file}."
            )
        time.sleep(_POLL_S)
    return _Attachment(folder, bin_dir, settings, users_fd)


def _current_attachment(folder: Folder) -> _Attachment | None:
    """Forgets a hold on a folder that was removed, and maybe made anew, since."""
    attachment = _attachments.get(folder.root)
    if attachment is None:
        return None
    with contextlib.suppress(FileNotFoundError):
        if folder.users_lock.stat().st_ino == os.fstat(attachment.users_fd).st_ino:
            return attachment
    _let_go(_attachments.pop(folder.root))
    _guards.pop(folder.root, None)
    return None


def _let_go(attachment: _Attachment) -> None:
    # Unlocked by name: a child forked just now may still have the same open file.
    fcntl.flock(attachment.users_fd, fcntl.LOCK_UN)
    os.close(attachment.users_fd)


def _unusable(folder: Folder, error: OSError) -> EmbeddedPostgresError:
    return EmbeddedPostgresError(
        f"The folder {folder.root} cannot be used: {error.strerror}. Correct its permissions and"
        " see that its disk has room, or choose another folder with --data-dir."
    )


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _ensure_server(attachment: _Attachment, deadline: float) -> ServerState:
    """Returns the state of a server that accepts connections, starting a supervisor if need be."""
    folder, spawned = attachment.folder, 0
    while True:
        found = read_state(folder)
        if found and found[1] and found[0].status == "ready" and _answers(found[0]):
            return found[0]
        with opened(folder.supervisor_lock, os.O_RDWR | os.O_CREAT) as fd:
            if try_lock(fd, exclusive=True):
                spawned += 1
                if spawned > _SPAWN_TRIES:
                    raise EmbeddedPostgresError(
                        f"The supervisor of {folder.root} ended {_SPAWN_TRIES} times without a"
                        f" word. The end of {folder.log_file}:\n{log_tail(folder)}"
                    )
                _spawn(attachment, fd, deadline)
        if time.monotonic() > deadline:
            raise EmbeddedPostgresError(
                f"The Postgres in {folder.root} did not become ready in time; it may be busy"
                f" recovering. Try again; its log is {folder.log_file}."
            )
        time.sleep(_POLL_S)


def _answers(state: ServerState) -> bool:
    """A server killed a moment ago may still be called ready."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(f"{state.socket_dir}/.s.PGSQL.{state.port}")
        except OSError:
            return False
    return True


def _spawn(attachment: _Attachment, lock_fd: int, deadline: float) -> None:
    """Starts a supervisor, which inherits the lock, and waits for its first word.

    Raises:
        EmbeddedPostgresError: what the supervisor said when it gave up.
    """
    folder = attachment.folder
    report, report_fd = os.pipe()
    plan = Plan(
        root=str(folder.root),
        bin_dirs=[str(path) for path in bin_dirs(attachment.bin_dir)],
        lock_fd=lock_fd,
        report_fd=report_fd,
        settings=attachment.settings,
    )
    package_root = str(Path(__file__).resolve().parents[2])
    environment = clean_environment("PYTHONHOME") | {"PYTHONPATH": package_root}
    try:
        with opened(folder.log_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT) as log:
            launcher = subprocess.Popen(
                [sys.executable, "-P", "-m", "photoplay.embedded", *plan.to_arguments()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=environment,
                pass_fds=(lock_fd, report_fd),
                start_new_session=True,
                umask=0o077,
            )
        os.close(report_fd)
        report_fd = -1
        launcher.wait()
        said = _read_to_end(report, deadline)
    finally:
        os.close(report)
        if report_fd >= 0:
            os.close(report_fd)
    if said and (error := json.loads(said).get("error")):
        raise EmbeddedPostgresError(error)


def _read_to_end(fd: int, deadline: float) -> bytes:
    said = b""
    while select.select([fd], [], [], max(0.0, deadline - time.monotonic()))[0]:
        part = os.read(fd, 65536)
        if not part:
            return said
        said += part
    return b""


def _release(folder: Folder, ticket: int) -> None:
    with _lock:
        attachment = _attachments.get(folder.root)
        if attachment is None or ticket not in attachment.tickets:
            return
        attachment.tickets.remove(ticket)
        if not attachment.tickets:
            _let_go(_attachments.pop(folder.root))


def _start_guard(folder: Folder) -> None:
    guard = _guards.get(folder.root)
    if guard is None or not guard.is_alive():
        guard = threading.Thread(
            target=_guard, args=(folder,), name="embedded-postgres-guard", daemon=True
        )
        _guards[folder.root] = guard
        guard.start()


def _guard(folder: Folder) -> None:
    """Starts a new supervisor when the present one dies, as long as this process uses the server.

    It sleeps in the kernel: the lock is granted when the supervisor is gone.
    """
    pauses = iter(_RECOVERY_PAUSES_S)
    while True:
        try:
            with opened(folder.supervisor_lock, os.O_RDONLY) as fd:
                fcntl.flock(fd, fcntl.LOCK_SH)
                # By name, for children forked meanwhile, which have the same open file.
                fcntl.flock(fd, fcntl.LOCK_UN)
        except FileNotFoundError:
            return
        with _lock:
            attachment = _attachments.get(folder.root)
            if attachment is None:
                return
            try:
                _ensure_server(attachment, time.monotonic() + _RECOVERY_S)
                pauses = iter(_RECOVERY_PAUSES_S)
                continue
            except (EmbeddedPostgresError, OSError) as error:
                _logger.warning("embedded_postgres.recovery_failed: %s", error)
        time.sleep(next(pauses, _RECOVERY_PAUSES_S[-1]))


def _forget_after_fork() -> None:
    """A forked child must not keep the server up after its parent; it may call `use` itself."""
    _lock.release()
    for attachment in _attachments.values():
        with contextlib.suppress(OSError):
            os.close(attachment.users_fd)
    _attachments.clear()
    _guards.clear()


# No fork while a supervisor's lock is on its way through this process: the child would keep it.
os.register_at_fork(
    before=_lock.acquire,
    after_in_parent=_lock.release,
    after_in_child=_forget_after_fork,
)

"""Makes a PostgreSQL cluster, describes how its server runs, and clears what a crash left."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from photoplay.embedded.binaries import Installation
from photoplay.embedded.errors import EmbeddedPostgresError
from photoplay.embedded.folder import Folder, write_private
from photoplay.embedded.unprivileged import follow_parent_into_death

SUPERUSER = "postgres"
DATABASE = "photoplay"
HOST = "127.0.0.1"

# Below the ranges from which Linux (32768) and macOS (49152) take the ports of outgoing
# connections, so that the kept port is still free at the next start.
_PORTS = range(20000, 32000)
# A path of this form needs no quoting in Postgres' socket setting nor in an address.
_PLAIN_PATH = re.compile(r"[\w./+@~-]+", re.ASCII)

_HBA = """\
# Written by Photoplay at each start. The socket's folder is open to its owner only.
local all all trust
host all all 127.0.0.1/32 scram-sha-256
"""

# For one machine that Postgres shares with the service and the renderer.
_SETTINGS: dict[str, str] = {
    "max_connections": "100",
    "shared_buffers": "128MB",
    "max_wal_size": "512MB",
    "min_wal_size": "64MB",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    # The client is told of its errors; the log must not repeat a statement, a value or a key.
    "log_min_messages": "log",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
}
OWNED_SETTINGS = frozenset(
    {
        "cluster_name",
        "config_file",
        "data_directory",
        "hba_file",
        "listen_addresses",
        "logging_collector",
        "port",
        "unix_socket_directories",
        "unix_socket_permissions",
    }
)

_NO_ROOM = ("No space left", "quota exceeded", "File too large", "File size limit exceeded")
# The service's keys stay out of the server's environment.
_KEPT_ENVIRONMENT = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


def clean_environment(*more: str) -> dict[str, str]:
    """Returns what of this process' environment its Postgres children need, messages in English."""
    kept = (*_KEPT_ENVIRONMENT, *more)
    return {k: os.environ[k] for k in kept if k in os.environ} | {"LC_ALL": "C"}


def is_durable(settings: Mapping[str, str]) -> bool:
    """Returns whether the cluster must survive a power cut; tests turn `fsync` off."""
    return settings.get("fsync", "on").lower() not in {"off", "false", "no", "0"}


def initialise(folder: Folder, installation: Installation, *, durable: bool) -> None:
    """Makes the cluster with its database, so that a killed attempt leaves no half-made one.

    Raises:
        EmbeddedPostgresError: disk full, or the file system does not suit; nothing is left behind.
    """
    new = folder.pgdata.with_name(f"pgdata.new-{secrets.token_hex(4)}")
    initdb = installation.bin_dir / "initdb"
    locale = "C.UTF-8" if sys.platform == "linux" else "C"
    try:
        ensure_password(folder)
        _run(
            *(initdb, "-D", new, "-U", SUPERUSER, "--encoding=UTF8", f"--locale={locale}"),
            *("--auth-local=trust", "--auth-host=scram-sha-256"),
            *(f"--pwfile={folder.password_file}", "--no-sync", "--no-instructions"),
        )
        run_alone(installation, new, f"CREATE DATABASE {DATABASE};", durable=False)
        if durable:
            _run(initdb, "--sync-only", "-D", new)
        new.rename(folder.pgdata)
        if durable:
            _sync_folder(folder.root)
    except (OSError, subprocess.CalledProcessError) as error:
        shutil.rmtree(new, ignore_errors=True)
        raise _initialise_error(folder, error) from error


def _initialise_error(
    folder: Folder, error: OSError | subprocess.CalledProcessError
) -> EmbeddedPostgresError:
    said = str(error.stderr if isinstance(error, subprocess.CalledProcessError) else error).strip()
    if any(text in said for text in _NO_ROOM):
        return EmbeddedPostgresError(
            f"No room for a database in {folder.root}: {said.splitlines()[-1]}. A new one takes"
            " about 100 MB; free that much there or choose another folder with --data-dir."
        )
    return EmbeddedPostgresError(
        f"The database in {folder.root} could not be made: {said}. Correct that, or choose a"
        " folder on a local file system with --data-dir."
    )


def remove_unfinished(folder: Folder) -> None:
    """Removes clusters whose making was interrupted."""
    for path in folder.root.glob("pgdata.new-*"):
        shutil.rmtree(path, ignore_errors=True)


def ensure_password(folder: Folder) -> bool:
    """Returns whether a new password for TCP had to be made."""
    if folder.password_file.exists():
        return False
    write_private(folder.password_file, secrets.token_urlsafe(24))
    return True


def set_password(folder: Folder, installation: Installation, *, durable: bool) -> None:
    """Gives the superuser the password of the password file; the server must not run."""
    password = folder.password_file.read_text().strip().replace("'", "''")
    run_alone(
        installation,
        folder.pgdata,
        f"ALTER ROLE {SUPERUSER} PASSWORD '{password}';",
        durable=durable,
    )


def run_alone(installation: Installation, pgdata: Path, sql: str, *, durable: bool) -> None:
    """Executes a statement without a server, in PostgreSQL's single-user mode.

    Raises:
        subprocess.CalledProcessError: the statement failed.
    """
    fsync = "on" if durable else "off"
    _run(
        *(installation.bin_dir / "postgres", "--single", "-D", pgdata),
        *("-c", f"fsync={fsync}", "-c", "exit_on_error=on", "-c", "log_checkpoints=off"),
        SUPERUSER,
        given=sql + "\n",
    )


def _run(*command: str | Path, given: str | None = None) -> None:
    subprocess.run(
        command,
        input=given,
        stdin=subprocess.DEVNULL if given is None else None,
        capture_output=True,
        check=True,
        text=True,
        errors="replace",
        env=clean_environment(),
        preexec_fn=follow_parent_into_death(),
    )


def _sync_folder(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def server_command(
    folder: Folder,
    installation: Installation,
    *,
    port: int,
    socket_dir: Path,
    settings: Mapping[str, str],
) -> list[str]:
    """Returns the command line of the server and writes its access rules."""
    hba = folder.pgdata / "pg_hba.conf"
    if hba.read_text() != _HBA:
        write_private(hba, _HBA)
    owned = {
        "cluster_name": folder.cluster_name(),
        "listen_addresses": HOST,
        "port": str(port),
        "unix_socket_directories": str(socket_dir),
        "unix_socket_permissions": "0700",
        "logging_collector": "off",
    }
    command = [str(installation.bin_dir / "postgres"), "-D", str(folder.pgdata)]
    for name, value in {**_SETTINGS, **settings, **owned}.items():
        command += ["-c", f"{name}={value}"]
    return command


def choose_port(folder: Folder) -> int:
    """Returns the folder's TCP port: the kept one while it is free, else a new random one."""
    with contextlib.suppress(FileNotFoundError, ValueError):
        kept = int(folder.port_file.read_text())
        if _is_free(kept):
            return kept
    for _ in range(200):
        port = secrets.choice(_PORTS)
        if _is_free(port):
            write_private(folder.port_file, str(port))
            return port
    raise EmbeddedPostgresError(
        f"No free TCP port on {HOST} between {_PORTS.start} and {_PORTS.stop}. See what listens"
        " there (ss -ltnp) and stop it."
    )


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def choose_socket_dir(folder: Folder) -> Path:
    """Returns a folder, mode 0700 and ours, in which a Unix socket can be made.

    `run` in the data folder, or a short private one where that path is too long for a socket
    (107 bytes), needs quoting, or lies on a file system without sockets. Sockets of earlier
    servers are removed; no server of this folder may be running.
    """
    folder.run_dir.mkdir(mode=0o700, exist_ok=True)
    if _PLAIN_PATH.fullmatch(str(folder.run_dir)) and _holds_sockets(folder.run_dir):
        return folder.run_dir
    with contextlib.suppress(FileNotFoundError):
        kept = Path(folder.socket_dir_file.read_text())
        about = kept.lstat()
        # S_IFDIR | 0700: a folder, no link, nobody else's.
        if (about.st_uid, about.st_mode) == (os.geteuid(), 0o040700) and _holds_sockets(kept):
            return kept
    for place in dict.fromkeys(("/tmp", tempfile.gettempdir())):  # noqa: S108 (mkdtemp is private)
        with contextlib.suppress(OSError):
            private = Path(tempfile.mkdtemp(prefix="photoplay-", dir=place))
            if _holds_sockets(private):
                write_private(folder.socket_dir_file, str(private))
                return private
            private.rmdir()
    raise EmbeddedPostgresError(
        f"No place for a Unix socket: neither {folder.run_dir} nor /tmp can hold one."
        " Choose a shorter folder on a local file system with --data-dir."
    )


def _holds_sockets(place: Path) -> bool:
    for old in place.glob(".s.*"):
        old.unlink(missing_ok=True)
    path = place / ".s.PGSQL.65535"
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.bind(str(path))
        except OSError:
            return False
        path.unlink(missing_ok=True)
    return True


def forget_socket_dir(folder: Folder) -> None:
    """Removes a private socket folder after the server has stopped."""
    with contextlib.suppress(OSError):
        private = Path(folder.socket_dir_file.read_text())
        private.rmdir()
        folder.socket_dir_file.unlink()


def clear_leftovers(folder: Folder, *, patience_s: float = 15.0) -> None:
    """Ends server processes that a killed supervisor or postmaster left, and a stale lock file.

    Postgres takes any process with the recorded number for a running server, a zombie and a
    stranger included; here only living processes that carry this folder's name count.

    Raises:
        EmbeddedPostgresError: a process could not be ended; the message names it.
    """
    lock_file = folder.pgdata / "postmaster.pid"
    name, started = folder.cluster_name(), time.monotonic()
    sent: dict[int, signal.Signals] = {}
    while lock_file.exists():
        alive = _server_processes(name)
        if not alive:
            _drop_lock_of_stranger(lock_file)
            return
        waited = time.monotonic() - started
        if waited > patience_s:
            raise EmbeddedPostgresError(
                f"An earlier Postgres of {folder.pgdata} does not end (process"
                f" {', '.join(map(str, alive))}). End it, then try again."
            )
        has_head = any(alive.values())
        for pid, is_postmaster in alive.items():
            step = _farewell(waited, is_postmaster=is_postmaster, has_head=has_head)
            if step is not None and sent.get(pid) != step:
                sent[pid] = step
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, step)
        time.sleep(0.02)


def _farewell(waited_s: float, *, is_postmaster: bool, has_head: bool) -> signal.Signals | None:
    """SIGINT is Postgres' fast shutdown, SIGQUIT its immediate one."""
    if waited_s > 10:
        return signal.SIGKILL
    if waited_s > (6 if has_head else 1):
        return signal.SIGQUIT
    return signal.SIGINT if is_postmaster else None


def _drop_lock_of_stranger(lock_file: Path) -> None:
    with contextlib.suppress(FileNotFoundError, ValueError, IndexError):
        pid = int(lock_file.read_text().split()[0])
        try:
            os.kill(pid, 0)
        except (ProcessLookupError, PermissionError):
            # Postgres sees that for itself, and then also looks for a memory segment in use.
            return
        lock_file.unlink()


def _server_processes(cluster_name: str) -> dict[int, bool]:
    """Returns the living processes of this cluster by number: whether it is the postmaster."""
    found: dict[int, bool] = {}
    for pid, command in _processes():
        if command.startswith(f"postgres: {cluster_name}: "):
            found[pid] = False
        elif f"-c cluster_name={cluster_name} " in command and "--supervise" not in command:
            found[pid] = True
    return found


def _processes() -> list[tuple[int, str]]:
    """Returns number and command line of each process; a zombie has no command line."""
    if Path("/proc/self/cmdline").exists():
        found: list[tuple[int, str]] = []
        for entry in os.listdir("/proc"):  # noqa: PTH208 (a list, cheap)
            if entry.isdigit():
                with contextlib.suppress(OSError):
                    line = Path("/proc", entry, "cmdline").read_bytes()
                    found.append((int(entry), line.replace(b"\0", b" ").decode(errors="replace")))
        return found
    answer = subprocess.run(
        ["ps", "-axww", "-o", "pid=,stat=,command="], capture_output=True, text=True, check=True
    ).stdout
    rows = [line.split(None, 2) for line in answer.splitlines()]
    return [(int(r[0]), r[2]) for r in rows if len(r) == 3 and not r[1].startswith("Z")]

"""The detached process that owns the Postgres of one data folder.

It starts the server, starts it again when it dies, keeps its log short, and stops it when no
process holds the users' lock any more. On Linux the server is told to shut down by the kernel when
the supervisor itself is killed; elsewhere the next start takes it down.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType

from photoplay.embedded import cluster
from photoplay.embedded.binaries import Installation, choose_installation
from photoplay.embedded.errors import EmbeddedPostgresError
from photoplay.embedded.folder import (
    Folder,
    ServerState,
    StatePublisher,
    Status,
    log_tail,
    opened,
    try_lock,
)
from photoplay.embedded.unprivileged import follow_parent_into_death, leave_root

_TICK_S = 0.25
_STARTING_TICK_S = 0.01
_DRAIN_S = 60.0
_STOP_STEPS = ((signal.SIGINT, 10.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))
_LOG_BYTES = 10 * 1024 * 1024
_LOG_CHECK_S = 30.0
# More deaths than this within a minute are no accident.
_DEATHS_A_MINUTE = 10
# Reasons not to start that pass: the port was taken since it was chosen, or processes of a killed
# server are still ending.
_PASSING = (
    "could not create any TCP/IP sockets",
    "already exists",
    "shared memory block",
)


@dataclass(frozen=True)
class Plan:
    """What the starting process hands over, as JSON on the command line."""

    root: str
    bin_dirs: list[str]
    lock_fd: int
    report_fd: int
    settings: dict[str, str] = field(default_factory=dict[str, str])

    def to_arguments(self) -> list[str]:
        """Returns the arguments that `main` reads."""
        return ["--supervise", json.dumps(asdict(self))]


class Supervisor:
    """One server, from its first start to its last stop."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._folder = Folder(Path(plan.root))
        self._publisher = StatePublisher(self._folder)
        self._report_fd: int | None = plan.report_fd
        self._status: Status = "starting"
        self._deaths: list[float] = []
        self._drain_until: float | None = None
        self._log_checked = float("-inf")
        self._log_start = 0
        self._wakeup, wake = os.pipe()
        for fd in (self._wakeup, wake):
            os.set_blocking(fd, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._asked_to_stop)
        for number in (signal.SIGCHLD, signal.SIGHUP):
            signal.signal(number, _wake_only)

    def run(self) -> int:
        """Serves until nobody uses the server; returns the exit code."""
        self._users_fd = os.open(self._folder.users_lock, os.O_RDWR)
        try:
            self._prepare()
            self._start()
            self._watch()
            self._stop()
        except (EmbeddedPostgresError, OSError, subprocess.SubprocessError) as error:
            return self._give_up(error)
        self._publisher.withdraw()
        return 0

    def _give_up(self, error: Exception) -> int:
        message = str(error) or type(error).__name__
        if isinstance(error, FileNotFoundError) and self._folder_is_gone():
            message = f"The folder {self._folder.root} was removed while in use."
        with contextlib.suppress(AttributeError, OSError):
            self._stop()
        with contextlib.suppress(OSError):
            self._publish("failed", message=message)
        self._report({"error": message})
        return 1

    def _prepare(self) -> None:
        folder = self._folder
        self._publish("starting")
        folders = [Path(p) for p in self._plan.bin_dirs]
        major = folder.cluster_major()
        self._installation: Installation = choose_installation(folders, major, folder.pgdata)
        cluster.clear_leftovers(folder)
        cluster.remove_unfinished(folder)
        ours = (folder.pgdata, folder.run_dir, folder.password_file, folder.port_file)
        more = (folder.socket_dir_file, folder.log_file, folder.log_file.with_suffix(".log.1"))
        leave_root([path for path in (*ours, *more) if path.exists()])
        durable = cluster.is_durable(self._plan.settings)
        if major is None:
            cluster.initialise(folder, self._installation, durable=durable)
        elif cluster.ensure_password(folder):
            cluster.set_password(folder, self._installation, durable=durable)
        self._socket_dir = cluster.choose_socket_dir(folder)

    def _start(self) -> None:
        self._port = cluster.choose_port(self._folder)
        command = cluster.server_command(
            self._folder,
            self._installation,
            port=self._port,
            socket_dir=self._socket_dir,
            settings=self._plan.settings,
        )
        with opened(self._folder.log_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT) as log:
            self._log_start = os.fstat(log).st_size
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=cluster.clean_environment(),
                preexec_fn=follow_parent_into_death(),  # noqa: PLW1509 (one thread only)
            )

    def _watch(self) -> None:
        """Returns when the server is to be stopped."""
        while True:
            self._sleep(_STARTING_TICK_S if self._status == "starting" else _TICK_S)
            code = self._process.poll()
            if code is not None:
                if self._status == "stopping":
                    return
                self._start_again(code)
            elif self._status == "starting" and self._is_ready():
                self._publish("ready")
                self._report({})
            if self._folder_is_gone() or try_lock(self._users_fd, exclusive=True):
                return
            if self._drain_until is not None and time.monotonic() > self._drain_until:
                return
            if self._drain_until is not None and self._status == "ready":
                self._publish("stopping")
            self._bound_log()

    def _start_again(self, code: int) -> None:
        why = log_tail(self._folder, since=self._log_start)
        refused = self._status == "starting" and code > 0
        now = time.monotonic()
        self._deaths = [*(then for then in self._deaths if now - then < 60), now]
        if (refused and not any(text in why for text in _PASSING)) or (
            len(self._deaths) > _DEATHS_A_MINUTE
        ):
            raise EmbeddedPostgresError(
                f"Postgres ended with code {code} and cannot be kept running. The end of"
                f" {self._folder.log_file}:\n{why}"
            )
        _note(f"postgres ended with code {code}; starting it again")
        self._publish("starting")
        self._sleep(0.2 * (len(self._deaths) - 1))
        cluster.clear_leftovers(self._folder)
        self._start()

    def _stop(self) -> None:
        process = self._process
        if process.poll() is None:
            with contextlib.suppress(OSError):
                self._publish("stopping")
        for step, patience_s in _STOP_STEPS:
            if process.poll() is None:
                process.send_signal(step)
                deadline = time.monotonic() + patience_s
                while process.poll() is None and time.monotonic() < deadline:
                    self._sleep(0.1)
        cluster.forget_socket_dir(self._folder)

    def _is_ready(self) -> bool:
        """Reads Postgres' own word for it: the last line of its lock file, as pg_ctl does."""
        try:
            lines = (self._folder.pgdata / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return (
            len(lines) >= 8 and lines[0] == str(self._process.pid) and lines[7].strip() == "ready"
        )

    def _folder_is_gone(self) -> bool:
        try:
            return self._folder.users_lock.stat().st_ino != os.fstat(self._users_fd).st_ino
        except FileNotFoundError:
            return True

    def _publish(self, status: Status, message: str = "") -> None:
        self._status = status
        running = status in {"ready", "stopping"}
        self._publisher.publish(
            ServerState(
                status=status,
                supervisor_pid=os.getpid(),
                postmaster_pid=self._process.pid if running else None,
                port=self._port if running else None,
                socket_dir=str(self._socket_dir) if running else None,
                version=self._installation.version if running else None,
                message=message,
            )
        )

    def _report(self, answer: dict[str, str]) -> None:
        """Tells the process that started us, once; it may be gone by now."""
        if self._report_fd is not None:
            with contextlib.suppress(BrokenPipeError):
                os.write(self._report_fd, json.dumps(answer).encode())
            os.close(self._report_fd)
            self._report_fd = None

    def _asked_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        # A service manager tells everybody at once: let the users finish, they hold their locks.
        if self._drain_until is None:
            self._drain_until = time.monotonic() + _DRAIN_S

    def _sleep(self, seconds: float) -> None:
        """Sleeps, but wakes when a child dies or a signal comes."""
        if select.select([self._wakeup], [], [], seconds)[0]:
            with contextlib.suppress(BlockingIOError):
                os.read(self._wakeup, 4096)

    def _bound_log(self) -> None:
        now = time.monotonic()
        if now - self._log_checked < _LOG_CHECK_S:
            return
        self._log_checked = now
        log = self._folder.log_file
        if log.exists() and log.stat().st_size > _LOG_BYTES:
            # The server appends to the open file, so it is copied and cut, not renamed.
            shutil.copyfile(log, log.with_suffix(".log.1"))
            os.truncate(log, 0)


def _wake_only(_number: int, _frame: FrameType | None) -> None:
    """The signal's byte in the wake-up pipe is all that is wanted."""


def _note(text: str) -> None:
    stamp = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
    sys.stderr.write(f"{stamp} [{os.getpid()}] supervisor: {text}\n")
    sys.stderr.flush()


def main(arguments: Sequence[str]) -> int:
    """Runs the supervisor in a process of its own, detached from the one that starts it."""
    if len(arguments) != 2 or arguments[0] != "--supervise":
        raise SystemExit("This module is started by photoplay.embedded.use().")
    plan = Plan(**json.loads(arguments[1]))
    if os.fork():
        os._exit(0)
    for fd in (plan.lock_fd, plan.report_fd):
        os.set_inheritable(fd, False)
    return Supervisor(plan).run()

"""Lets the supervisor run Postgres for root, which Postgres itself refuses.

Two ways, tried in order, neither of which touches the permissions of anything but our own folder:

- a user namespace in which root's id is shown as `nobody`: files stay root's, programs and data
  may lie in folders that only root can enter, and all powers of root are gone;
- where namespaces are forbidden (Docker's default profile): become `nobody` for good, keeping the
  one capability to pass file permissions, for the same folders' sake.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from photoplay.embedded.errors import EmbeddedPostgresError

CAP_DAC_OVERRIDE = 1
# Source: linux/prctl.h, linux/sched.h, linux/capability.h (checked 2026-11-22).
_PR_SET_PDEATHSIG = 1
_PR_SET_KEEPCAPS = 8
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CLONE_NEWUSER = 0x10000000
_CAPABILITY_VERSION_3 = 0x20080522

_libc: ctypes.CDLL | None = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def _check(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def follow_parent_into_death() -> Callable[[], None] | None:
    """Returns a `preexec_fn`: the child is told to shut down (SIGINT) when its parent dies.

    It is None where the system cannot do that; the next start then takes the orphan down.
    The parent must be single-threaded: the signal follows the thread that started the child.
    """
    libc, parent = _libc, os.getpid()
    if libc is None:
        return None

    def before_exec() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return before_exec


def ordinary_user() -> pwd.struct_passwd:
    """Returns the account under which Postgres sees itself when root starts it.

    Raises:
        EmbeddedPostgresError: there is no account but root; start Photoplay as another user.
    """
    accounts = sorted(pwd.getpwall(), key=lambda a: a.pw_name != "nobody")
    for account in accounts:
        if account.pw_uid != 0:
            return account
    raise EmbeddedPostgresError(
        "Postgres does not run as root, and this system has no other account (not even nobody)."
        " Add one, or start Photoplay as an ordinary user."
    )


def enter_namespace(account: pwd.struct_passwd) -> None:
    """Moves this process into a user namespace that shows root's id as the account's.

    Raises:
        OSError: forbidden here; the process may be left in a half-made namespace, so try it in a
            child first (`_works_in_child`).
    """
    if _libc is None:
        raise OSError("no user namespaces on this system")
    gid = os.getgid()
    _check(_libc.unshare(_CLONE_NEWUSER))
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/gid_map").write_text(f"{account.pw_gid} {gid} 1")
    Path("/proc/self/uid_map").write_text(f"{account.pw_uid} 0 1")


def become(account: pwd.struct_passwd, capability: int) -> None:
    """Turns root into the account for good, keeping one capability for itself and its children.

    Raises:
        OSError: not allowed here.
    """
    if _libc is not None:
        _check(_libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0))
    os.setgroups([account.pw_gid])
    os.setresgid(account.pw_gid, account.pw_gid, account.pw_gid)
    os.setresuid(account.pw_uid, account.pw_uid, account.pw_uid)
    if _libc is not None:
        kept = 1 << capability
        header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
        sets = (ctypes.c_uint32 * 6)(kept, kept, kept, 0, 0, 0)
        _check(_libc.capset(header, sets))
        _check(_libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability, 0, 0))


def _works_in_child(step: Callable[[], None]) -> bool:
    child = os.fork()
    if child == 0:
        code = 1
        try:
            step()
            code = 0
        except OSError:
            pass
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _give(root: Path, uid: int, gid: int) -> None:
    for folder, _, files in os.walk(root):
        for path in (folder, *(os.path.join(folder, name) for name in files)):  # noqa: PTH118
            os.chown(path, uid, gid, follow_symlinks=False)


def leave_root(owned: list[Path]) -> str:
    """Makes sure that Postgres can be started from this process; returns the way taken.

    `ordinary` nothing to do · `namespace` · `nobody`. The process must be single-threaded.

    Args:
        owned: existing files and folders that must belong to the server's user; given to it where
            an earlier start went the other way.

    Raises:
        EmbeddedPostgresError: root, and neither way is allowed; start as an ordinary user.
    """
    if os.geteuid() != 0:
        return "ordinary"
    account = ordinary_user()
    if _libc is not None and _works_in_child(lambda: enter_namespace(account)):
        way, uid, gid = "namespace", 0, os.getgid()
    else:
        way, uid, gid = "nobody", account.pw_uid, account.pw_gid
    try:
        for path in owned:
            if path.lstat().st_uid != uid:
                _give(path, uid, gid) if path.is_dir() else os.chown(path, uid, gid)
        if way == "namespace":
            enter_namespace(account)
        else:
            become(account, CAP_DAC_OVERRIDE)
    except OSError as error:
        raise EmbeddedPostgresError(
            "Postgres does not run as root, and this system allows neither a user namespace nor"
            f" changing to the user {account.pw_name} ({error})."
            " Start Photoplay as an ordinary user."
        ) from error
    return way

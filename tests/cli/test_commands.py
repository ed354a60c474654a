"""Every other command: what it prints, what it changes, how it ends."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from urllib.error import URLError
from urllib.request import urlopen
from uuid import UUID, uuid4

import psycopg
import pytest
import typer

from photoplay import __version__
from photoplay.cli import root
from photoplay.config import Settings
from photoplay.db.migrate import all_migrations
from photoplay.environment import names_of
from photoplay.registry import provider_settings
from tests.cli.conftest import Photoplay, clean_environment

pytestmark = pytest.mark.xdist_group("cli")
NAMES = [m.name for m in all_migrations()]


def leaves(group: typer.core.TyperGroup, path: tuple[str, ...] = ()) -> Iterator[tuple]:
    for name, command in group.commands.items():
        if isinstance(command, typer.core.TyperGroup):
            yield from leaves(command, (*path, name))
        else:
            yield (*path, name), command


def test_every_command_takes_the_data_folder():
    commands = dict(leaves(typer.main.get_command(root.command())))
    assert {("db", "url"), ("animate",), ("sandbox",)} <= set(commands)
    for path, command in commands.items():
        options = {name for parameter in command.params for name in parameter.opts}
        assert "--data-dir" in options, path


def test_the_version_is_the_packages():
    command = [sys.executable, "-P", "-m", "photoplay", "--version"]
    said = subprocess.run(
        command, capture_output=True, text=True, env=clean_environment(), check=True
    )
    assert said.stdout == f"{__version__}\n"


# The database.


def test_migrate_says_what_it_would_do_does_it_and_leaves_a_database_that_is_well(tmp_path):
    photoplay = Photoplay(tmp_path / "fresh", tmp_path)
    assert photoplay("migrate", "--plan").out.split() == NAMES
    planned = photoplay("migrate", "--sql")
    assert [n for n in NAMES if f"-- {n}\n" in planned.out] == NAMES
    assert "create table" in planned.out
    # Neither has changed anything.
    assert photoplay("migrate").out.splitlines() == [f"applied {name}" for name in NAMES]
    assert photoplay("migrate").out == "Nothing to do; the schema is up to date.\n"
    assert photoplay("doctor").code == 0


@pytest.fixture
def server(photoplay) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A running `photoplay serve` and its address."""
    process = photoplay.start("serve", "--port", "0", "--no-worker")
    try:
        line = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert found, line or process.stderr.read()
        yield process, found[0]
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_serve_serves_until_sigterm_and_db_url_leads_to_its_database(photoplay, server):
    process, address = server
    with urlopen(f"{address}/healthz", timeout=30) as answer:
        assert json.load(answer) == {"status": "ok"}

    said = photoplay("db", "url")
    assert said.code == 0
    url = said.out.splitlines()[-1]
    assert re.fullmatch(r"postgresql://postgres:[^@\s]+@127\.0\.0\.1:\d+/\w+", url)
    with psycopg.connect(url) as connection:
        assert connection.execute(
            "select count(*) > 0 from photoplay.schema_migrations"
        ).fetchone() == (True,)

    taken = photoplay("serve", "--port", address.rpartition(":")[2])
    assert taken.code == 1
    assert "choose another port, or 0 for a free one" in taken.complaint

    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "Traceback" not in out + err
    with pytest.raises(URLError):
        urlopen(f"{address}/healthz", timeout=5)


def test_one_fixed_user_is_not_served_to_a_network(photoplay):
    said = photoplay("serve", "--host", "0.0.0.0")
    assert said.code == 1
    assert "set PHOTOPLAY_JWT_SECRET, PHOTOPLAY_JWKS_URL or" in said.complaint


def test_a_database_that_is_away_is_said_in_one_line_without_its_password(photoplay):
    away = "postgresql://someone:canary-4711@127.0.0.1:1/x"
    for command in (("quota", "show"), ("doctor",)):
        said = photoplay(*command, DATABASE_URL=away)
        assert said.code == 1
        said.complaint  # noqa: B018 -- no traceback
        assert (
            "The database does not answer; make sure that DATABASE_URL is right"
            in said.out + said.err
        )
        assert "canary-4711" not in said.out + said.err


# Jobs and quota.


@pytest.fixture
def someone(photoplay, owner) -> UUID:
    """A user with one unit of today's quota in use."""
    assert photoplay("migrate").code == 0
    user = uuid4()
    owner.execute(
        "select set_config('request.jwt.claims', %s, false)", (json.dumps({"sub": str(user)}),)
    )
    made = owner.execute(
        "select outcome from photoplay.create_job("
        "gen_random_uuid(), null, 'f', null, 'x', null, '{}', 'local', '1 s')"
    ).fetchone()
    assert made == ("created",)
    return user


def test_quota_shows_what_is_used_and_a_reset_gives_it_back_once(photoplay, owner, someone):
    user = ("--user", str(someone))
    assert re.fullmatch(
        r"used 1 of 20 \(resets \d{4}-\d\d-\d\d 00:00 UTC\), open jobs 1 of 5, spent 0\.00 USD\n"
        r"own limits: none\n",
        photoplay("quota", "show", *user).out,
    )
    assert photoplay("quota", "reset", *user).out == "gave back 1\n"
    assert photoplay("quota", "reset", *user).out == "gave back 0\n"
    ledger = owner.execute(
        "select delta, reason, actor like 'cli:%%' from photoplay.quota_ledger "
        "where user_id = %s order by id",
        (someone,),
    ).fetchall()
    assert ledger == [(1, "job", False), (-1, "reset", True)]


def test_quota_set_replaces_a_users_own_limits_and_is_written_down(photoplay, owner, someone):
    user = ("--user", str(someone))
    said = photoplay("quota", "set", *user, "--daily-limit", "3", "--daily-spend-usd", "1.5")
    assert "used 1 of 3 " in said.out
    assert "spent 0.00 of 1.50 USD\n" in said.out
    assert "own limits: videos a day 3, US dollars a day 1.500000\n" in said.out
    said = photoplay("quota", "set", *user, "--requests-per-minute", "9", "--json")
    row = json.loads(said.out)
    assert (row["daily_limit"], row["requests_per_minute"], row["daily_spend_usd"]) == (20, 9, None)
    assert photoplay("quota", "set", *user, "--requests-per-minute", "0").code == 2
    audit = owner.execute(
        "select action, actor like 'cli:%%', details ->> 'daily_limit' from photoplay.audit"
        " where target = %s order by id",
        (str(someone),),
    ).fetchall()
    assert audit == [("quota.set", True, "3"), ("quota.set", True, None)]


def test_a_job_that_does_not_exist_is_named(photoplay):
    job_id = str(uuid4())
    said = photoplay("jobs", "show", job_id)
    assert (said.code, said.complaint) == (1, f"photoplay: {job_id}: there is no such job")


# Settings.

SETTINGS = {
    name: str(kind.model_fields[attribute].annotation)
    for kind in (Settings, *provider_settings())
    for attribute, name in names_of(kind).items()
}
SECRETS = [name for name, annotation in SETTINGS.items() if "SecretStr" in annotation]


def test_config_shows_every_setting_and_no_secret(photoplay):
    canary = "canary-4711-with-at-least-32-characters"
    environment = {
        name: f"postgresql://u:{canary}@db.example/x" if "DATABASE" in name else canary
        for name in SECRETS
    }
    assert {"PHOTOPLAY_JWT_SECRET", "DATABASE_URL", "FAL_KEY"} <= set(environment)
    said = photoplay(
        "config", "show", **environment, PHOTOPLAY_S3_ENDPOINT=f"http://u:{canary}@s3.example"
    )
    assert said.code == 0
    assert canary not in said.out + said.err
    shown = dict(line.split("=", 1) for line in said.out.splitlines())
    assert set(shown) == set(SETTINGS)
    assert {shown[name] for name in environment} == {"(set)"}
    assert shown["VIDEO_DAILY_LIMIT"] == "20"


def test_a_misspelt_setting_stops_the_start_with_a_suggestion(photoplay, tmp_path):
    text = "photoplay: Settings: PHOTOPLAY_PROT is not a setting of Photoplay; did you mean PHOTOPLAY_PORT?"
    said = photoplay("serve", PHOTOPLAY_PROT="1")
    assert (said.code, said.complaint) == (1, text)
    (tmp_path / ".env").write_text("PHOTOPLAY_PROT=1\n")
    said = photoplay("config", "show")
    assert (said.code, said.complaint) == (1, text)


# Doctor.


def test_doctor_names_each_invariant_and_finds_a_contradiction(photoplay, owner):
    assert photoplay("migrate").code == 0
    job_id = uuid4()
    owner.execute("set session_replication_role = replica")
    owner.execute(
        "insert into public.video_jobs (id, user_id, source_image_url, status, phase, finished_at, "
        "output_video_url) values (%s, %s, 'x', 'failed', 'done', now(), 'somebody/else.mp4')",
        (job_id, uuid4()),
    )
    try:
        said = photoplay("doctor")
    finally:
        owner.execute("delete from public.video_jobs where id = %s", (job_id,))
    assert said.code == 1
    findings = {
        line.split()[1]: line for line in said.out.splitlines() if line[:4] in {"ok  ", "FAIL"}
    }
    assert {f"I{n}" for n in range(1, 10)} < set(findings)
    broken = [what for what, line in findings.items() if line.startswith("FAIL")]
    assert broken == ["I5", "I8"]
    assert all(str(job_id) in findings[what] for what in broken)
    assert "look at these with photoplay jobs show, and report it" in said.out


def test_doctor_names_a_provider_that_there_is_not(photoplay):
    said = photoplay("doctor", VIDEO_PROVIDER_PRIORITY="local,nobody")
    assert said.code == 1
    assert "FAIL settings: VIDEO_PROVIDER_PRIORITY: 'nobody' is not a provider" in said.out


def test_keys_are_made_listed_and_revoked(photoplay, owner):
    user = uuid4()
    key = photoplay("keys", "create", "of the shop", "--user", str(user)).out.strip()
    assert re.fullmatch(r"pp_[0-9a-f]{12}_[A-Za-z0-9_-]{43}", key)
    (row,) = photoplay("keys", "list", "--user", str(user), "--json").out.splitlines()
    made = json.loads(row)
    assert (made["name"], made["scope"], made["revoked_at"]) == ("of the shop", "jobs", None)
    assert key[16:] not in row
    assert made["id"] in photoplay("keys", "list", "--user", str(user)).out
    assert photoplay("keys", "revoke", made["id"]).code == 0
    acts = owner.execute("select action from photoplay.audit where target = %s", (made["id"],))
    assert [action for (action,) in acts] == ["key.create", "key.revoke"]
    assert "no such key" in photoplay("keys", "revoke", str(uuid4())).complaint
    assert photoplay("keys", "create", "x").code == 2
    assert photoplay("keys", "create", "x", "--admin", "--user", str(user)).code == 2

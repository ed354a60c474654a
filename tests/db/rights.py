"""Who may do what to which table, as data; `test_row_level_security.py` holds the database to it.

A cell is one letter an operation, in the order of its column's name (select, insert, update, delete):

    o   own rows only; foreign ones are not seen, and writing one is refused or touches nothing
    a   every row
    d   own rows and the row that holds for everybody
    -   no right at all: Postgres refuses the statement
"""

from __future__ import annotations

from dataclasses import dataclass

ROLES = (
    "anon",
    "authenticated",
    "service_role",
    "photoplay_api",
    "photoplay_worker",
    "photoplay_admin",
    "photoplay_app",
)

# table: authenticated, photoplay_api, photoplay_worker, photoplay_admin; the others have nothing.
RIGHTS: dict[str, tuple[str, str, str, str]] = {
    "public.video_jobs": ("o---", "oooo", "a-aa", "aaaa"),
    "public.video_quota": ("o---", "ooo-", "aaa-", "aaa-"),
    "public.video_images": ("o---", "oo-o", "aa-a", "aaaa"),
    "photoplay.attempts": ("o---", "o-o-", "aaaa", "aaaa"),
    "photoplay.events": ("o---", "oo--", "aaaa", "aaaa"),
    "photoplay.quota_ledger": ("----", "oo--", "aaaa", "aaaa"),
    "photoplay.erased_jobs": ("----", "oo--", "aaaa", "aaaa"),
    "photoplay.erased_objects": ("----", "oo--", "aaaa", "aaaa"),
    "photoplay.limits": ("d---", "d---", "aaaa", "aaaa"),
    "photoplay.leases": ("----", "----", "aaaa", "aaaa"),
    "photoplay.workers": ("----", "----", "aaaa", "aaaa"),
    "photoplay.providers": ("----", "----", "aaaa", "aaaa"),
    "photoplay.provider_verdicts": ("----", "----", "aaaa", "aaaa"),
    "photoplay.schema_migrations": ("----", "----", "a---", "a---"),
    "photoplay.pgqueuer": ("----", "----", "aaaa", "a---"),
    "photoplay.pgqueuer_log": ("----", "----", "aaaa", "----"),
    "photoplay.pgqueuer_schedules": ("----", "----", "aaaa", "----"),
    "photoplay.pgqueuer_statistics": ("----", "----", "aaaa", "----"),
}


def right(table: str, role: str, operation: str) -> str:
    """Return the letter of a cell."""
    ours = ("authenticated", "photoplay_api", "photoplay_worker", "photoplay_admin")
    if role not in ours:
        return "-"
    cell = RIGHTS[table][ours.index(role)]
    return cell[("select", "insert", "update", "delete").index(operation)]


# What a role may execute; every other function of ours is refused to it.
FUNCTIONS: dict[str, tuple[str, ...]] = {
    "create_job": ("photoplay_api", "photoplay_admin"),
    "return_unit": ("photoplay_api", "photoplay_worker", "photoplay_admin"),
    "wake": ("photoplay_api", "photoplay_worker", "photoplay_admin"),
    "hold_lease": ("photoplay_worker",),
    "claim_job": ("photoplay_worker",),
    "may_begin": ("photoplay_worker",),
    "require_open": ("photoplay_worker",),
    "count_verdict": ("photoplay_worker",),
    # Look at nothing that the caller may not read itself.
    "limits_of": ("authenticated", "photoplay_api", "photoplay_worker", "photoplay_admin"),
    "quota_day": ("authenticated", "photoplay_api", "photoplay_worker", "photoplay_admin"),
    "now": ("authenticated", "photoplay_api", "photoplay_worker", "photoplay_admin"),
}


@dataclass(frozen=True, slots=True)
class Table:
    """How to write one row of a table for a user, and how to tell whose a row is.

    Attributes:
        insert: columns and values of a new row; `{user}`, `{new}` (a fresh UUID), `{job}` (a job of
            that user) and `{number}` (a fresh number) are filled in.
        update: an assignment that is allowed to everybody who may update at all.
        owner: expression over the row `t` that is the user's id as text.
    """

    insert: str
    update: str
    owner: str = "t.user_id::text"


TABLES: dict[str, Table] = {
    "public.video_jobs": Table(
        "(id, user_id, source_image_url) values ('{new}', '{user}', 'x')", "progress = 0.5"
    ),
    "public.video_quota": Table(
        "(user_id, date, count) values ('{user}', date '2000-01-01' + {number}, 0)",
        "count = count",
    ),
    "public.video_images": Table(
        "(id, user_id, path, content_type, width, height, bytes, sha256) values "
        "('{new}', '{user}', '{new}', 'image/png', 64, 64, 1, sha256('{new}'::bytea))",
        "width = width",
    ),
    "photoplay.attempts": Table(
        "(id, job_id, user_id, n, provider, model, status, fence, callback_token) values "
        "('{new}', '{job}', '{user}', {number}, 'p', 'm', 'failed', 1, '{new}')",
        "error = 'x'",
    ),
    "photoplay.events": Table(
        "(job_id, user_id, version, kind, status, phase) values "
        "('{job}', '{user}', 1, 'phase.done', 'queued', 'accepted')",
        "kind = kind",
    ),
    "photoplay.quota_ledger": Table(
        "(user_id, day, delta, reason) values ('{user}', '2026-01-01', 1, 'job')", "day = day"
    ),
    "photoplay.erased_jobs": Table(
        "(id, user_id, status, created_at) values ('{new}', '{user}', 'failed', now())",
        "status = status",
    ),
    "photoplay.erased_objects": Table(
        "(path, job_id) values ('{user}/generated-videos/{new}.mp4', '{job}')",
        "removed_at = now()",
        owner="split_part(t.path, '/', 1)",
    ),
    "photoplay.limits": Table(
        "(user_id) values ('{user}') on conflict (user_id) do nothing",
        "daily_limit = daily_limit",
    ),
    "photoplay.leases": Table("(job_id) values ('{spare_job}')", "failures = 0", owner="''"),
    "photoplay.workers": Table("(id, host, pid) values ('{new}', 'h', 1)", "pid = 2", owner="''"),
    "photoplay.providers": Table("(name) values ('{new}')", "paused_by = 'x'", owner="''"),
    "photoplay.provider_verdicts": Table(
        "(provider, failed) values ('{new}', true)", "failed = false", owner="''"
    ),
    "photoplay.schema_migrations": Table(
        "(name, checksum) values ('{new}', 'x')", "name = name", owner="''"
    ),
    "photoplay.pgqueuer": Table(
        "(priority, status, entrypoint) values (0, 'queued', 'x')", "priority = 1", owner="''"
    ),
    "photoplay.pgqueuer_log": Table(
        "(job_id, status, priority, entrypoint) values (1, 'queued', 0, 'x')",
        "priority = 1",
        owner="''",
    ),
    "photoplay.pgqueuer_schedules": Table(
        "(expression, entrypoint) values ('{new}', 'x')", "entrypoint = 'y'", owner="''"
    ),
    "photoplay.pgqueuer_statistics": Table(
        "(created, count, priority, status, entrypoint) values "
        "(timestamptz '2000-01-01' + {number} * interval '1 day', 1, 0, 'queued', 'x')",
        "count = 2",
        owner="''",
    ),
}

"""What row-level security adds to reading: the same statements under their user's role and past all policies.

`pgbench` draws between the two from one transaction to the next, on the same connection and in one round trip
each, as a request has it. A hundred jobs a user, so that the policies have something to leave out.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path
from typing import Final, LiteralString

from psycopg import sql

from benchmarks.figures import Plan, Sheet
from benchmarks.installation import Installation, clean_environment, new_installation
from photoplay import embedded
from photoplay.db.queries import load

USERS: Final = 200
JOBS_EACH: Final = 100
_CLIENTS: Final = (1, 8)

# Job n is of user n % USERS + 1.
_ADD_JOBS: LiteralString = """
insert into public.video_jobs (id, user_id, source_image_url, provider, options, prompt, fingerprint)
select ('03' || lpad(to_hex(n), 30, '0'))::uuid, ('01' || lpad(to_hex(mod(n, {users}) + 1), 30, '0'))::uuid,
    'benchmark/' || n || '.jpg', 'local', jsonb_build_object(), 'a prompt', sha256(n::text::bytea)
from generate_series(1, {jobs}) n;
insert into photoplay.attempts (id, job_id, user_id, n, provider, model, status, fence, callback_token)
select gen_random_uuid(), id, user_id, 1, 'local', 'local', 'accepted', 1, id::text from public.video_jobs
"""
_SCRIPT = r"""
\set n random(1, {jobs})
\set u :n % {users} + 1
\startpipeline
begin;
select set_config('role', '{role}', true), set_config('request.jwt.claims',
    '{{"sub":"' || ('01' || lpad(to_hex(:u::int), 30, '0'))::uuid || '","role":"authenticated"}}', true);
{statement};
commit;
\endpipeline
"""
_JOB: Final = "('03' || lpad(to_hex(:n::int), 30, '0'))::uuid"
_USER: Final = "('01' || lpad(to_hex(:u::int), 30, '0'))::uuid"
_LATENCY: Final = re.compile(r"SQL script \d+: .*?latency average = ([\d.]+) ms", re.DOTALL)


def statements() -> dict[str, str]:
    """Return the API's own statements for `GET` of a job and of the list, with pgbench's variables."""
    nothing = {"status": "null", "before_at": "null", "before_id": "null", "limit": "21"}
    return {
        "GET of a job": load("get_job") % {"job_id": _JOB},
        "GET of the list": load("list_jobs") % {"user_id": _USER, **nothing},
    }


def measure(plan: Plan) -> Sheet:
    """Measure each statement under both roles, in turn."""
    sheet = Sheet("Row-level security on reading (pgbench, one round trip a transaction)")
    with new_installation(plan.folder) as installation:
        with installation.owner() as owner:
            numbers = {"users": sql.Literal(USERS), "jobs": sql.Literal(USERS * JOBS_EACH)}
            owner.execute(sql.SQL(_ADD_JOBS).format(**numbers))
            owner.execute("vacuum analyze public.video_jobs")
            owner.execute("vacuum analyze photoplay.attempts")
        for _ in range(plan.runs):
            for clients in _CLIENTS:
                for name, statement in statements().items():
                    past, under = _both(installation, statement, clients, plan.seconds)
                    at = f"{name}, {clients} client{'s'[: clients > 1]}"
                    free = sheet.figure(f"{at}, past all policies", "ms")
                    free.samples.append(past)
                    sheet.figure(f"{at}, as its user", "ms", against=free).samples.append(under)
    sheet.notes.append(
        "Both begin with role and claims of their transaction; only the role differs: the superuser,"
        " whom no policy holds, and `authenticated`."
    )
    return sheet


def _both(
    installation: Installation, statement: str, clients: int, seconds: float
) -> tuple[float, float]:
    """Return the mean latency past all policies and under them, in milliseconds."""
    folder = Path(tempfile.mkdtemp(dir=installation.folder))
    files: list[str] = []
    for role in ("postgres", "authenticated"):
        file = folder / f"{role}.sql"
        file.write_text(
            _SCRIPT.format(jobs=USERS * JOBS_EACH, users=USERS, role=role, statement=statement)
        )
        files.append(f"--file={file}")
    ended = subprocess.run(
        [
            *(embedded.bin_path("pgbench"), "--no-vacuum", "--protocol=prepared", *files),
            *(f"--client={clients}", "--jobs=1", f"--time={max(round(seconds), 1)}"),
            installation.owner_dsn,
        ],
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    found = _LATENCY.findall(ended.stdout)
    if ended.returncode or len(found) != 2:
        raise RuntimeError(f"pgbench: {ended.stderr or ended.stdout}")
    return float(found[0]), float(found[1])

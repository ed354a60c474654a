"""Fail on what goes wrong with rights and row-level security in Postgres, looked up in the catalog.

    python -m lints.database        migrate a fresh database and look at it

The rules are those that Supabase publishes for its own linter, as far as they can be seen in a schema
without data, in our words; beside them what our own roles need. Source:
https://supabase.github.io/splinter/, checked 2026-11.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import psycopg

from scripts.schema import migrated_server

ROOT = Path(__file__).parents[1]

_VIEWS = """
create temporary view tables as
    select c.oid, n.nspname || '.' || c.relname as name, c.relkind as kind,
        c.relrowsecurity as is_guarded, c.relforcerowsecurity as is_forced, c.reloptions as options
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'f')
        and n.nspname in ('public', 'photoplay');
create temporary view policies as
    select t.oid, t.name || ' ' || p.polname as name, t.is_guarded, p.polcmd as command,
        p.polpermissive as is_permissive, p.polroles as roles,
        coalesce(pg_get_expr(p.polqual, p.polrelid), '') as reads,
        coalesce(pg_get_expr(p.polwithcheck, p.polrelid), '') as writes
    from pg_policy p join tables t on t.oid = p.polrelid;
create temporary view functions as
    select p.oid, p.proname as name, p.prosecdef as is_definer, p.proconfig as settings,
        p.prorettype = 'trigger'::regtype as is_trigger, p.prosqlbody is not null as is_resolved
    from pg_proc p where p.pronamespace = 'photoplay'::regnamespace;
create temporary view clients as
    select oid, rolname as name from pg_roles where rolname in ('anon', 'authenticated');
create temporary view ours as
    select oid, rolname as name, rolcanlogin, rolsuper, rolbypassrls, rolinherit from pg_roles
    where rolname in ('photoplay_api', 'photoplay_worker', 'photoplay_admin');
"""

# meaning: a statement that gives the name of everything that breaks the rule
RULES: dict[str, str] = {
    "row-level security is off": "select name from tables where kind in ('r', 'p') and not is_guarded",
    "the owner is not held to the policies of rows that belong to users": """
        select name from tables t where kind in ('r', 'p') and not is_forced and exists (
            select from pg_attribute a where a.attrelid = t.oid and a.attname = 'user_id'
        )
    """,
    "row-level security is on and nobody has a policy": """
        select name from tables t
        where is_guarded and not exists (select from policies p where p.oid = t.oid)
    """,
    "a policy is not in force": "select name from policies where not is_guarded",
    "a policy lets clients through without a condition": """
        select name from policies
        where is_permissive and exists (
            select from unnest(roles) as role
            where role = 0 or role::regrole::text in ('anon', 'authenticated', 'photoplay_api')
        ) and (
            replace(reads, ' ', '') in ('true', '(true)', '(1=1)')
            or replace(writes, ' ', '') in ('true', '(true)', '(1=1)')
        )
    """,
    "a policy asks who it is for every row anew; write (select auth.uid())": r"""
        select name from policies
        where regexp_replace(
            lower(reads || ' ' || writes), '\(\s*select\s+(auth\.\w+\(\)|current_setting\([^)]*\))', '', 'g'
        ) ~ '(auth\.\w+|current_setting)\('
    """,
    "a policy trusts what users may change themselves": """
        select name from policies where reads || writes ~* 'user_metadata'
    """,
    "several policies let one role do the same; make them one": """
        select t.name || ' ' || r.name || ' ' || allowed.command
        from policies p
        join tables t using (oid)
        cross join lateral unnest(
            case when p.command = '*' then array['r', 'a', 'w', 'd'] else array[p.command::text] end
        ) as allowed (command)
        join (select * from clients union all select oid, name from ours) r
            on r.oid = any(p.roles) or 0 = any(p.roles)
        where p.is_permissive
        group by t.name, r.name, allowed.command having count(*) > 1
    """,
    "a foreign key has no index": """
        select t.name || ' ' || f.conname from pg_constraint f join tables t on t.oid = f.conrelid
        where f.contype = 'f' and not exists (
            select from pg_index i
            where i.indrelid = f.conrelid and i.indisvalid and i.indpred is null
                and (i.indkey::smallint[])[0:cardinality(f.conkey) - 1] = f.conkey
        )
    """,
    "there is no primary key": """
        select name from tables t where kind in ('r', 'p') and not exists (
            select from pg_index i where i.indrelid = t.oid and i.indisprimary
        )
    """,
    "two indexes are the same": """
        select t.name || ' ' || string_agg(i.indexrelid::regclass::text, ', ')
        from pg_index i join tables t on t.oid = i.indrelid join pg_class c on c.oid = i.indexrelid
        group by t.name, i.indkey::text, i.indclass::text, i.indoption::text, c.relam,
            coalesce(pg_get_expr(i.indexprs, i.indrelid), ''),
            coalesce(pg_get_expr(i.indpred, i.indrelid), '')
        having count(*) > 1
    """,
    "a view reads with its owner's rights; make it with (security_invoker = on)": """
        select name from tables where kind = 'v'
            and not coalesce(options::text ~* 'security_invoker=(on|true|1|yes)', false)
    """,
    "clients can read a materialized view or foreign table, which has no row-level security": """
        select t.name from tables t where kind in ('m', 'f') and exists (
            select from clients c where has_table_privilege(c.oid, t.oid, 'select')
        )
    """,
    "a function has no search path of its own; add set search_path = ''": """
        select name from functions
        where not is_resolved and not coalesce(settings::text like '%search_path=%', false)
    """,
    "everybody may execute a function; revoke all … from public": """
        select f.name from functions f
        join pg_proc p on p.oid = f.oid
        cross join lateral aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as held
        where held.grantee = 0
    """,
    "anon has a right": """
        select t.name || ' ' || held.privilege_type from tables t
        join pg_class c on c.oid = t.oid
        cross join lateral aclexplode(c.relacl) as held
        where held.grantee in (0, 'anon'::regrole)
        union all
        select t.name || '.' || a.attname || ' ' || held.privilege_type from tables t
        join pg_attribute a on a.attrelid = t.oid
        cross join lateral aclexplode(a.attacl) as held
        where held.grantee in (0, 'anon'::regrole)
        union all
        select name from functions where not is_trigger and has_function_privilege('anon', oid, 'execute')
    """,
    "a client can do more than read": """
        select t.name || ' ' || more from tables t
        cross join unnest(array['insert', 'update', 'delete', 'truncate', 'references', 'trigger']) as more
        where has_table_privilege('authenticated', t.oid, more)
        union all
        select t.name || ' ' || more from tables t
        cross join unnest(array['insert', 'update', 'references']) as more
        where t.kind in ('r', 'p') and has_any_column_privilege('authenticated', t.oid, more)
    """,
    "a client can read what looks like a secret": """
        select t.name || '.' || a.attname from tables t
        join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped
        where a.attname ~ '(token|secret|password|credential|key_hash|private)'
            and has_column_privilege('authenticated', t.oid, a.attnum, 'select')
    """,
    "a role has a right that no policy lets it use": """
        select t.name || ' ' || r.name || ' ' || needed.privilege from tables t
        cross join (select * from clients union all select oid, name from ours) r
        cross join (values ('select', 'r'), ('insert', 'a'), ('update', 'w'), ('delete', 'd'))
            as needed (privilege, command)
        where t.kind in ('r', 'p')
            and case when needed.privilege = 'delete' then has_table_privilege(r.oid, t.oid, 'delete')
                else has_any_column_privilege(r.oid, t.oid, needed.privilege) end
            and not exists (
                select from policies p where p.oid = t.oid and p.command in ('*', needed.command)
                    and (r.oid = any(p.roles) or 0 = any(p.roles))
            )
    """,
    "one of our roles is more than a set of grants": """
        select name from ours where rolcanlogin or rolsuper or rolbypassrls or rolinherit
    """,
}

# Looked at, and right as it is.
ALLOWED: dict[str, set[str]] = {
    "there is no primary key": {
        "photoplay.limits",  # the row that holds for everybody has no user
        "photoplay.spend",  # likewise everybody's sum
        "photoplay.provider_verdicts",  # a minute of answers, counted and forgotten
    },
}


def problems(connection: psycopg.Connection) -> dict[str, list[str]]:
    """Return what breaks each rule, by the rule; the connection keeps nothing of it."""
    found: dict[str, list[str]] = {}
    with connection.transaction(force_rollback=True):
        connection.execute(_VIEWS)
        for rule, statement in RULES.items():
            names = {str(name) for (name,) in connection.execute(statement)}
            if wrong := sorted(names - ALLOWED.get(rule, set())):
                found[rule] = wrong
    return found


def unlisted(connection: psycopg.Connection) -> list[str]:
    """Return the tables and functions that the matrix of rights does not know."""
    matrix = json.loads((ROOT / "tests" / "db" / "rights.json").read_text("utf-8"))
    with connection.transaction(force_rollback=True):
        connection.execute(_VIEWS)
        tables = {name for (name,) in connection.execute("select name from tables")}
        functions = {
            name
            for (name,) in connection.execute("select name from functions where not is_trigger")
        }
    return sorted((tables ^ set(matrix["rights"])) | (functions ^ set(matrix["functions"])))


def main() -> int:
    """Print everything that breaks a rule; exit 1 when there is something."""
    with migrated_server() as server, psycopg.connect(server.dsn()) as connection:
        found = problems(connection)
        if names := unlisted(connection):
            found["tests/db/rights.json does not say who may use it, or names what is gone"] = names
    for rule, names in found.items():
        sys.stdout.writelines(f"{name}: {rule}\n" for name in names)
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())

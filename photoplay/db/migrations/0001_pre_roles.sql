-- Roles, schemas, identity of the request, clock.
-- Why: every later grant and policy names these. On Supabase the roles and `auth` exist and are used
-- as they are; on plain Postgres this file provides them.
-- Lock: catalog only. Duration: milliseconds at any size.

do $$
declare
    wanted text;
begin
    foreach wanted in array array[
        'anon', 'authenticated', 'service_role', 'photoplay_api', 'photoplay_worker', 'photoplay_admin'
    ] loop
        if not exists (select from pg_roles where rolname = wanted) then
            execute format('create role %I nologin noinherit', wanted);
        end if;
        -- The owner must be able to act as each of them (`set local role`), also without superuser
        -- rights; having made a role is not enough for that from Postgres 16 on.
        begin
            execute format('grant %I to current_user', wanted);
        exception when insufficient_privilege then
            if not pg_has_role(current_user, wanted, 'member') then
                raise;
            end if;
        end;
    end loop;
end
$$;

create schema if not exists photoplay;
create schema if not exists auth;

do $$
begin
    if to_regprocedure('auth.uid()') is null then
        create function auth.uid() returns uuid
        language sql stable
        as $f$
            select nullif(
                nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub', ''
            )::uuid
        $f$;
        comment on function auth.uid() is 'The user of this transaction, from request.jwt.claims; null when unset.';
    end if;
    if to_regprocedure('auth.role()') is null then
        create function auth.role() returns text
        language sql stable
        as $f$
            select nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role'
        $f$;
        comment on function auth.role() is 'The role claim of this transaction; null when unset.';
    end if;
    -- On Supabase these grants exist already and `auth` belongs to another role.
    if pg_has_role(current_user, (select nspowner from pg_namespace where nspname = 'auth'), 'usage') then
        grant usage on schema auth to anon, authenticated, service_role, photoplay_api, photoplay_worker, photoplay_admin;
        grant execute on function auth.uid(), auth.role()
            to anon, authenticated, service_role, photoplay_api, photoplay_worker, photoplay_admin;
    end if;
end
$$;

revoke all on schema photoplay from public;
grant usage on schema photoplay to authenticated, photoplay_api, photoplay_worker, photoplay_admin;
grant usage on schema public to anon, authenticated, photoplay_api, photoplay_worker, photoplay_admin;

-- Tests move this clock instead of sleeping; any database not named photoplay_test… ignores the override.
create function photoplay.now() returns timestamptz
language sql stable
as $$
    select case
        when current_database() like 'photoplay\_test%'
        then coalesce(
            nullif(current_setting('photoplay.test_now', true), '')::timestamptz, clock_timestamp()
        )
        else clock_timestamp()
    end
$$;

-- The request's user and role for functions that run as our own roles. On Supabase those may not look
-- into schema auth and nobody may let them; a body in this form is resolved by its maker, once.
create function photoplay.user_id() returns uuid language sql stable return auth.uid();
create function photoplay.user_role() returns text language sql stable return auth.role();

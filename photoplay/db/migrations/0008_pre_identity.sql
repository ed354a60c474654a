-- API keys, the audit of what operators do, and users who were erased.
-- Why: a product's server acts for its users with a key of ours; whoever acts as an operator leaves a
-- row in the same transaction; an erased user's data must not come back by a request that was on its way.
-- SQLSTATE: PP005 the user was erased.
-- Lock: share on video_jobs while its index is made (about 10 s on 10 M rows), access exclusive on
-- photoplay.erased_objects for a moment. Duration: else milliseconds.

create table photoplay.api_keys (
    id uuid primary key default gen_random_uuid(),
    prefix text not null unique check (prefix ~ '^[0-9a-f]{12}$'),
    secret_hash bytea not null check (octet_length(secret_hash) = 32),
    name text not null check (char_length(name) between 1 and 100),
    scope text not null check (scope in ('jobs', 'admin')),
    user_id uuid,
    created_at timestamptz not null default photoplay.now(),
    created_by text not null,
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used_at timestamptz,
    constraint api_keys_belong_to_a_user check ((scope = 'jobs') = (user_id is not null))
);
comment on table photoplay.api_keys is 'Keys of ours. The secret is shown once and kept as its SHA-256; it is random, so nothing slower is needed.';
comment on column photoplay.api_keys.prefix is 'The visible part of the key; names it in lists, the audit and look-ups.';
comment on column photoplay.api_keys.user_id is 'Whom a key of scope jobs acts for; a key of scope admin names somebody at each request.';
create index api_keys_user on photoplay.api_keys (user_id) where user_id is not null;
create index api_keys_newest on photoplay.api_keys (created_at desc, id desc);

create table photoplay.audit (
    id bigint generated always as identity primary key,
    at timestamptz not null default photoplay.now(),
    actor text not null,
    action text not null,
    target text not null,
    details jsonb not null default '{}'::jsonb
);
comment on table photoplay.audit is 'What operators did, written in the same transaction; no content, and nobody may change it.';
create index audit_target on photoplay.audit (target, id desc);

create table photoplay.erased_users (
    user_id uuid primary key,
    erased_at timestamptz not null default photoplay.now(),
    erased_by text not null,
    blocked boolean not null
);
comment on table photoplay.erased_users is 'Users whose data were erased.';
comment on column photoplay.erased_users.blocked is 'No job and no picture of this user is taken any more; false for the one user of local mode.';

alter table photoplay.erased_objects alter column job_id drop not null;
comment on column photoplay.erased_objects.job_id is 'Null for what belonged to no job.';

do $$
declare
    internal text;
begin
    foreach internal in array array['api_keys', 'audit', 'erased_users'] loop
        execute format('alter table photoplay.%I enable row level security', internal);
        execute format('alter table photoplay.%I force row level security', internal);
        execute format(
            'create policy photoplay_admin on photoplay.%I to photoplay_admin, %I using (true) with check (true)',
            internal, current_user
        );
    end loop;
end
$$;
create policy photoplay_read on photoplay.erased_users for select to photoplay_worker using (true);

grant select, insert, delete, update (revoked_at, last_used_at) on photoplay.api_keys to photoplay_admin;
grant select, insert on photoplay.audit to photoplay_admin;
grant select, insert, update on photoplay.erased_users to photoplay_admin;
grant select on photoplay.erased_users to photoplay_worker;

-- The shared lock lets an erasure, which takes it alone, wait for whatever of the user is on its way.
create function photoplay.refuse_erased_user() returns trigger
language plpgsql security definer
set search_path = ''
as $$
begin
    perform pg_catalog.pg_advisory_xact_lock_shared(pg_catalog.hashtextextended(new.user_id::text, 7406));
    if exists (select from photoplay.erased_users u where u.user_id = new.user_id and u.blocked) then
        raise exception using errcode = 'PP005', message = 'the user was erased';
    end if;
    return new;
end
$$;
revoke all on function photoplay.refuse_erased_user from public;
create trigger refuse_erased_user before insert on public.video_jobs
    for each row execute function photoplay.refuse_erased_user();
create trigger refuse_erased_user before insert on public.video_images
    for each row execute function photoplay.refuse_erased_user();

-- An operator's list is of all users.
create index if not exists idx_video_jobs_newest on public.video_jobs (created_at desc, id desc);

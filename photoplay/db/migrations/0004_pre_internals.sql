-- What only Photoplay reads and writes: attempts, leases, events, quota ledger, limits, workers.
-- Lock: new objects; share update exclusive on the adopted tables, whose rows are read once for the rules
-- of 0003. Duration: milliseconds, on 10 M older rows seconds.

alter table public.video_jobs
    validate constraint video_jobs_status_known,
    validate constraint video_jobs_phase_known,
    validate constraint video_jobs_done_is_terminal,
    validate constraint video_jobs_finished_is_terminal,
    validate constraint video_jobs_succeeded_has_video,
    validate constraint video_jobs_progress_is_a_fraction;
alter table public.video_quota validate constraint video_quota_count_not_negative;

create table photoplay.attempts (
    id uuid primary key,
    job_id uuid not null references public.video_jobs (id) on delete cascade,
    user_id uuid not null,
    n integer not null check (n > 0),
    provider text not null,
    model text not null,
    status text not null default 'submitting' check (status in (
        'submitting', 'unknown', 'accepted', 'running',
        'succeeded', 'failed', 'blocked', 'cancelled', 'expired', 'lost'
    )),
    fence bigint not null,
    callback_token text not null unique,
    provider_task_id text,
    outcome jsonb,
    error text,
    charged boolean,
    cost_usd numeric(12, 6),
    created_at timestamptz not null default now(),
    accepted_at timestamptz,
    finished_at timestamptz,
    unique (job_id, n)
);
comment on table photoplay.attempts is 'One try at one provider model; at most one submission goes on the wire per row.';
comment on column photoplay.attempts.fence is 'Lease that may submit; after a take-over nobody may, and the attempt is resolved instead.';
comment on column photoplay.attempts.charged is 'null: not known.';
-- A job never has two attempts that may both be billed.
create unique index attempts_one_open on photoplay.attempts (job_id)
    where status in ('submitting', 'unknown', 'accepted', 'running');

create table photoplay.leases (
    job_id uuid primary key references public.video_jobs (id) on delete cascade,
    fence bigint not null default 0,
    failures integer not null default 0,
    worker_id uuid,
    expires_at timestamptz not null default '-infinity'
);
comment on column photoplay.leases.failures is 'Handler runs in a row that ended in an unexpected error; spaces the next ones out.';
comment on table photoplay.leases is 'Who may write for a job: the holder of the newest fence. Every claim raises the fence.';

create table photoplay.events (
    id bigint generated always as identity primary key,
    created_at timestamptz not null default now(),
    job_id uuid not null,
    user_id uuid not null,
    version bigint not null,
    kind text not null,
    status text not null,
    phase text not null,
    data jsonb not null default '{}'::jsonb
);
comment on table photoplay.events is 'Every state change of a job, once, written by trigger in the same transaction; no content.';
create index events_job on photoplay.events (job_id, id);

create table photoplay.quota_ledger (
    id bigint generated always as identity primary key,
    created_at timestamptz not null default now(),
    user_id uuid not null,
    day date not null,
    job_id uuid,
    delta integer not null check (delta <> 0),
    reason text not null check (reason in ('job', 'returned', 'reset', 'adopted')),
    actor text not null default current_user
);
comment on table photoplay.quota_ledger is 'Why video_quota.count is what it is: their sums agree for every user and day.';
create unique index quota_ledger_once on photoplay.quota_ledger (job_id, reason) where job_id is not null;
create index quota_ledger_user_day on photoplay.quota_ledger (user_id, day);

create table photoplay.limits (
    user_id uuid unique,
    daily_limit integer check (daily_limit >= 0),
    max_open_jobs integer check (max_open_jobs >= 0),
    dedupe_open_jobs boolean
);
comment on table photoplay.limits is 'The row without user holds for everybody; a user row overrides what it does not leave null.';
insert into photoplay.limits (daily_limit, max_open_jobs, dedupe_open_jobs) values (20, 5, true);
create unique index limits_default_once on photoplay.limits ((user_id is null)) where user_id is null;

create table photoplay.erased_jobs (
    id uuid primary key,
    user_id uuid not null,
    client_request_id text,
    status text not null,
    created_at timestamptz not null,
    finished_at timestamptz,
    erased_at timestamptz not null default now(),
    cost_usd numeric(12, 6),
    quota_day date,
    quota_returned_at timestamptz
);
comment on table photoplay.erased_jobs is 'What is left of an erased job: no content. Its key answers 410, its quota unit still counts.';
create unique index erased_jobs_key on photoplay.erased_jobs (user_id, client_request_id)
    where client_request_id is not null;

create table photoplay.erased_objects (
    path text primary key,
    job_id uuid not null,
    erased_at timestamptz not null default now(),
    removed_at timestamptz
);
comment on table photoplay.erased_objects is 'Objects that must not exist: removed by the worker, again whenever one comes back.';

create table photoplay.workers (
    id uuid primary key,
    host text not null,
    pid integer not null,
    started_at timestamptz not null default now(),
    seen_at timestamptz not null default now()
);

do $$
declare
    internal text;
begin
    foreach internal in array array[
        'attempts', 'leases', 'events', 'quota_ledger', 'limits', 'erased_jobs', 'erased_objects', 'workers'
    ] loop
        execute format('alter table photoplay.%I enable row level security', internal);
        execute format('alter table photoplay.%I force row level security', internal);
        execute format(
            'create policy photoplay_worker on photoplay.%I to photoplay_worker, photoplay_admin, %I using (true) with check (true)',
            internal, current_user
        );
    end loop;
    foreach internal in array array['attempts', 'events'] loop
        execute format(
            'create policy photoplay_own on photoplay.%I for select to authenticated, photoplay_api using (user_id = (select auth.uid()))',
            internal
        );
    end loop;
    foreach internal in array array['attempts', 'events', 'quota_ledger', 'erased_jobs'] loop
        execute format(
            'create policy photoplay_request on photoplay.%I for insert to photoplay_api with check (user_id = (select auth.uid()))',
            internal
        );
    end loop;
end
$$;
create policy photoplay_own on photoplay.quota_ledger for select to photoplay_api using (user_id = (select auth.uid()));
create policy photoplay_own on photoplay.erased_jobs for select to photoplay_api using (user_id = (select auth.uid()));
create policy photoplay_end on photoplay.attempts for update to photoplay_api
    using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy photoplay_request on photoplay.erased_objects to photoplay_api
    using (path like (select auth.uid()) || '/%') with check (path like (select auth.uid()) || '/%');
create policy photoplay_read on photoplay.limits for select to photoplay_api, authenticated
    using (user_id is null or user_id = (select auth.uid()));

grant select (id, job_id, user_id, n, provider, model, status, error, created_at, finished_at, cost_usd)
    on photoplay.attempts to authenticated;
grant select on photoplay.events, photoplay.limits to authenticated;
grant select, update on photoplay.attempts to photoplay_api;
grant select, insert on photoplay.events, photoplay.quota_ledger, photoplay.erased_jobs to photoplay_api;
grant select, insert on photoplay.erased_objects to photoplay_api;
grant select on photoplay.limits to photoplay_api;
grant select, insert, update, delete on
    photoplay.attempts, photoplay.leases, photoplay.events, photoplay.quota_ledger, photoplay.limits,
    photoplay.erased_jobs, photoplay.erased_objects, photoplay.workers
    to photoplay_worker, photoplay_admin;

create policy photoplay_read on photoplay.schema_migrations for select to photoplay_admin, photoplay_worker using (true);
grant select on photoplay.schema_migrations to photoplay_admin, photoplay_worker;
create policy look on photoplay.pgqueuer for select to photoplay_admin using (true);
grant select on photoplay.pgqueuer to photoplay_admin;

-- Open jobs of an older system. A unit of its day's quota each, as far as the older counter goes, so that it
-- can be given back; the rest of the counter is one entry. Of days that are over only those of open jobs matter.
-- What becomes of the jobs themselves is in 0040.
update public.video_jobs j
set adopted_at = photoplay.now(), quota_day = case when held.number <= held.units then held.day end
from (
    select open.id, open.day, quota.count as units,
        row_number() over (partition by open.user_id, open.day order by open.created_at, open.id) as number
    from (
        select id, user_id, created_at, (created_at at time zone 'UTC')::date as day
        from public.video_jobs where status in ('queued', 'running')
    ) open
    left join public.video_quota quota on quota.user_id = open.user_id and quota.date = open.day
) held
where j.id = held.id;
insert into photoplay.quota_ledger (user_id, day, delta, reason)
select quota.user_id, quota.date, quota.count - coalesce(held.units, 0), 'adopted'
from public.video_quota quota
left join (
    select user_id, quota_day, count(*) as units from public.video_jobs
    where quota_day is not null group by user_id, quota_day
) held on held.user_id = quota.user_id and held.quota_day = quota.date
where (held.units is not null or quota.date >= (photoplay.now() at time zone 'UTC')::date - 1)
    and quota.count <> coalesce(held.units, 0);
insert into photoplay.quota_ledger (user_id, day, job_id, delta, reason)
select user_id, quota_day, id, 1, 'job' from public.video_jobs where quota_day is not null;

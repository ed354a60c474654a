-- The user-facing tables: video_jobs and video_quota with the columns and names that older clients
-- know, and the pictures. Each carries its row-level security from the start.
-- Why `if not exists`: a database that already holds the first two tables is adopted, not rebuilt.
-- Lock: access exclusive on the tables, milliseconds when new. Duration on 10 M old rows: seconds
-- (added columns have constant defaults).

create table if not exists public.video_jobs (
    id uuid primary key default gen_random_uuid(),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    user_id uuid not null,
    source_image_url text not null,
    provider text,
    provider_job_id text,
    status text not null default 'queued',
    error text,
    output_video_url text,
    options jsonb not null default '{}'::jsonb,
    client_request_id text
);
comment on table public.video_jobs is 'What users asked for; one row a job. Clients read own rows and write none.';

alter table public.video_jobs
    add column if not exists version bigint not null default 1,
    add column if not exists phase text not null default 'accepted',
    add column if not exists progress real,
    add column if not exists prompt text,
    add column if not exists image_id uuid,
    add column if not exists fingerprint bytea,
    add column if not exists effective_options jsonb,
    add column if not exists failure jsonb,
    add column if not exists result jsonb,
    add column if not exists video jsonb,
    add column if not exists poster_path text,
    add column if not exists cost_usd numeric(12, 6),
    add column if not exists overdue_at timestamptz,
    add column if not exists started_at timestamptz,
    add column if not exists finished_at timestamptz,
    add column if not exists expires_at timestamptz,
    add column if not exists quota_day date,
    add column if not exists quota_returned_at timestamptz;

comment on column public.video_jobs.output_video_url is 'A storage path ({user_id}/generated-videos/{id}.mp4), set exactly when succeeded.';
comment on column public.video_jobs.version is 'Grows by one with every visible change.';
comment on column public.video_jobs.quota_day is 'Day whose quota this job took a unit of; null when it was exempt.';
comment on column public.video_jobs.quota_returned_at is 'When that unit was given back; at most once.';

alter table public.video_jobs
    add constraint video_jobs_status_known
        check (status in ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
    add constraint video_jobs_phase_known
        check (phase in ('accepted', 'preparing', 'submitting', 'waiting', 'storing', 'done')),
    add constraint video_jobs_done_is_terminal
        check ((phase = 'done') = (status in ('succeeded', 'failed', 'cancelled'))),
    add constraint video_jobs_finished_is_terminal
        check ((finished_at is not null) = (status in ('succeeded', 'failed', 'cancelled'))),
    add constraint video_jobs_succeeded_has_video
        check (status <> 'succeeded' or output_video_url is not null),
    add constraint video_jobs_progress_is_a_fraction
        check (progress between 0 and 1);

-- One (user, key) is one job.
create unique index if not exists idx_video_jobs_client_request_id
    on public.video_jobs (user_id, client_request_id) where client_request_id is not null;
create index if not exists idx_video_jobs_user_newest on public.video_jobs (user_id, created_at desc, id desc);
create index if not exists idx_video_jobs_open on public.video_jobs (user_id, fingerprint)
    where status in ('queued', 'running');
create index if not exists idx_video_jobs_expiring on public.video_jobs (expires_at)
    where expires_at is not null;

create table if not exists public.video_quota (
    id uuid primary key default gen_random_uuid(),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    user_id uuid not null,
    date date not null,
    count integer not null default 0
);
alter table public.video_quota
    add constraint video_quota_count_not_negative check (count >= 0);
create unique index if not exists idx_video_quota_user_date on public.video_quota (user_id, date);
comment on table public.video_quota is 'Units of the daily quota in use; one row a user and UTC day. The ledger explains it.';

create table public.video_images (
    id uuid primary key,
    created_at timestamptz not null default now(),
    user_id uuid not null,
    path text not null unique,
    content_type text not null,
    width integer not null check (width > 0),
    height integer not null check (height > 0),
    bytes bigint not null check (bytes > 0),
    sha256 bytea not null check (octet_length(sha256) = 32)
);
create unique index idx_video_images_content on public.video_images (user_id, sha256);
comment on table public.video_images is 'Source pictures that passed intake; the same bytes of one user are one row.';

create function photoplay.touch_updated_at() returns trigger
language plpgsql
as $$
begin
    new.updated_at := photoplay.now();
    return new;
end
$$;

do $$
begin
    -- An adopted table brings its own trigger for this.
    if not exists (
        select from pg_trigger
        where tgrelid = 'public.video_jobs'::regclass and tgname like '%updated_at%' and not tgisinternal
    ) then
        create trigger set_video_jobs_updated_at before update on public.video_jobs
            for each row execute function photoplay.touch_updated_at();
    end if;
    if not exists (
        select from pg_trigger
        where tgrelid = 'public.video_quota'::regclass and tgname like '%updated_at%' and not tgisinternal
    ) then
        create trigger set_video_quota_updated_at before update on public.video_quota
            for each row execute function photoplay.touch_updated_at();
    end if;
end
$$;

-- Row-level security. Clients (authenticated) read own rows; the API's role writes own rows of the
-- user whose claims it carries; the worker and the admin see all, and neither bypasses a policy.
alter table public.video_jobs enable row level security;
alter table public.video_jobs force row level security;
alter table public.video_quota enable row level security;
alter table public.video_quota force row level security;
alter table public.video_images enable row level security;
alter table public.video_images force row level security;

create policy photoplay_own on public.video_jobs for select to authenticated
    using (user_id = (select auth.uid()));
create policy photoplay_request on public.video_jobs to photoplay_api
    using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy photoplay_worker on public.video_jobs to photoplay_worker, photoplay_admin
    using (true) with check (true);

create policy photoplay_own on public.video_quota for select to authenticated
    using (user_id = (select auth.uid()));
create policy photoplay_request on public.video_quota to photoplay_api
    using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy photoplay_worker on public.video_quota to photoplay_worker, photoplay_admin
    using (true) with check (true);

create policy photoplay_own on public.video_images for select to authenticated
    using (user_id = (select auth.uid()));
create policy photoplay_request on public.video_images to photoplay_api
    using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy photoplay_worker on public.video_images to photoplay_worker, photoplay_admin
    using (true) with check (true);

do $$
declare
    tenant text;
begin
    -- `force` holds for the owner too, and the triggers that run with the owner's rights must see all.
    foreach tenant in array array['video_jobs', 'video_quota', 'video_images'] loop
        execute format(
            'create policy photoplay_owner on public.%I to %I using (true) with check (true)', tenant, current_user
        );
    end loop;
end
$$;

-- Supabase gives all three everything on each new table of this schema.
revoke all on public.video_jobs, public.video_quota, public.video_images from anon, authenticated, service_role;
grant select on public.video_jobs, public.video_quota, public.video_images to authenticated;
grant select, insert, update, delete on public.video_jobs to photoplay_api;
grant select, insert, update on public.video_quota to photoplay_api;
grant select, insert, delete on public.video_images to photoplay_api;
grant select, update, delete on public.video_jobs to photoplay_worker;
grant select, insert, update, delete on public.video_jobs, public.video_images to photoplay_admin;
grant select, insert, update on public.video_quota to photoplay_worker, photoplay_admin;
grant select, insert, delete on public.video_images to photoplay_worker;

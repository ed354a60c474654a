-- The rules of the user-facing tables (made or found by 0000) and the pictures: what values may be, who
-- sees which rows, who may write. From this commit on an older system can write no more.
-- Lock: access exclusive on both tables. Duration on 10 M older rows: seconds after `photoplay migrate`
-- has brought them up to date in batches, minutes without.

select photoplay.adopt_rest();
drop function photoplay.adopt_rest, photoplay.adopt_ended, photoplay.adopt_write,
    photoplay.adopt_is_plain, photoplay.adopt_path;

comment on table public.video_jobs is 'What users asked for; one row a job. Clients read own rows and write none.';
comment on column public.video_jobs.output_video_url is 'A storage path ({user_id}/generated-videos/{id}.mp4), set exactly when succeeded.';
comment on column public.video_jobs.version is 'Grows by one with every visible change.';
comment on column public.video_jobs.quota_day is 'Day whose quota this job took a unit of; null when it was exempt.';
comment on column public.video_jobs.quota_returned_at is 'When that unit was given back; at most once.';
comment on column public.video_jobs.adopted_at is 'When it was taken over, still open, from an older system.';

-- Looked up in the rows there are by 0004, which lets reading go on meanwhile.
alter table public.video_jobs
    add constraint video_jobs_status_known
        check (status in ('queued', 'running', 'succeeded', 'failed', 'cancelled')) not valid,
    add constraint video_jobs_phase_known
        check (phase in ('accepted', 'preparing', 'submitting', 'waiting', 'storing', 'done')) not valid,
    add constraint video_jobs_done_is_terminal
        check ((phase = 'done') = (status in ('succeeded', 'failed', 'cancelled'))) not valid,
    add constraint video_jobs_finished_is_terminal
        check ((finished_at is not null) = (status in ('succeeded', 'failed', 'cancelled'))) not valid,
    add constraint video_jobs_succeeded_has_video
        check (status <> 'succeeded' or output_video_url is not null) not valid,
    add constraint video_jobs_progress_is_a_fraction
        check (progress between 0 and 1) not valid;

-- One (user, key) is one job.
create unique index if not exists idx_video_jobs_client_request_id
    on public.video_jobs (user_id, client_request_id) where client_request_id is not null;
create index if not exists idx_video_jobs_user_newest on public.video_jobs (user_id, created_at desc, id desc);
create index if not exists idx_video_jobs_open on public.video_jobs (user_id, fingerprint)
    where status in ('queued', 'running');
create index if not exists idx_video_jobs_expiring on public.video_jobs (expires_at)
    where expires_at is not null;

alter table public.video_quota
    add constraint video_quota_count_not_negative check (count >= 0) not valid;
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

create trigger set_video_jobs_updated_at before update on public.video_jobs
    for each row execute function photoplay.touch_updated_at();
create trigger set_video_quota_updated_at before update on public.video_quota
    for each row execute function photoplay.touch_updated_at();

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

-- An erased job whose task may still be with a provider keeps a row without content until that has ended.
-- Why: with the row went its attempt, so that nobody asked the provider to stop, and what it cost was lost.
-- Nobody but the worker sees such a row; its user and operators see the stub in erased_jobs, as ever.
-- Lock: access exclusive on video_jobs for a moment, share while the index is built (no row is in it).
-- Duration: milliseconds, on 10 M rows seconds.

alter table public.video_jobs add column erased_at timestamptz;
comment on column public.video_jobs.erased_at is
    'Erased: without content and seen by the worker alone, until its provider was asked to stop and what it cost is known.';
create index idx_video_jobs_erased on public.video_jobs (erased_at) where erased_at is not null;

alter policy photoplay_own on public.video_jobs
    using (user_id = (select auth.uid()) and erased_at is null);
alter policy photoplay_request on public.video_jobs
    using (user_id = (select auth.uid()) and erased_at is null)
    with check (user_id = (select auth.uid()) and erased_at is null);
alter policy photoplay_worker on public.video_jobs to photoplay_worker;
create policy photoplay_admin on public.video_jobs to photoplay_admin
    using (erased_at is null) with check (erased_at is null);

-- What the attempts of a job have cost; null while that of one is not known, and when there were none.
create function photoplay.known_cost(p_job_id uuid) returns numeric
language sql stable
set search_path = ''
as $$
    select case when bool_or(a.cost_usd is null) then null else sum(a.cost_usd) end
    from photoplay.attempts a where a.job_id = p_job_id and a.charged is distinct from false
$$;
revoke all on function photoplay.known_cost from public;

create function photoplay.has_open_attempt(p_job_id uuid) returns boolean
language sql stable
set search_path = ''
as $$
    select exists (
        select from photoplay.attempts a
        where a.job_id = p_job_id and a.status in ('submitting', 'unknown', 'accepted', 'running')
    )
$$;
revoke all on function photoplay.has_open_attempt from public;

-- Erases a job that has ended: its row at once, or its content now and its row by forget_erased_job once its
-- last attempt has ended. A request reaches its own user's jobs only. Definer: the new row is not the caller's
-- to see. Index: primary key, attempts (job_id, n).
create function photoplay.erase_job(p_job_id uuid) returns void
language plpgsql security definer
set search_path = ''
as $$
declare
    job record;
begin
    select * into job from public.video_jobs j
        where j.id = p_job_id and j.erased_at is null and j.phase = 'done'
            and (
                pg_catalog.current_setting('role') in ('photoplay_worker', 'photoplay_admin')
                or j.user_id = photoplay.user_id()
            )
        for update;
    if not found then
        return;
    end if;
    insert into photoplay.erased_jobs (
        id, user_id, client_request_id, status, created_at, finished_at, erased_at, cost_usd, quota_day,
        quota_returned_at
    ) values (
        job.id, job.user_id, job.client_request_id, job.status, job.created_at, job.finished_at, photoplay.now(),
        coalesce(photoplay.known_cost(job.id), job.cost_usd), job.quota_day, job.quota_returned_at
    );
    if not photoplay.has_open_attempt(job.id) then
        delete from public.video_jobs where id = job.id;
        return;
    end if;
    update public.video_jobs
    set erased_at = photoplay.now(), prompt = null, options = '{}', source_image_url = '', image_id = null,
        fingerprint = null, result = null, provider_job_id = null, error = null
    where id = job.id;
    delete from photoplay.log_lines where job_id = job.id;
    perform photoplay.wake(job.id);
end
$$;
revoke all on function photoplay.erase_job from public;
grant execute on function photoplay.erase_job to photoplay_api, photoplay_worker, photoplay_admin;

-- Removes the row of an erased job whose attempts have all ended, and writes into its stub what became known
-- since; does nothing to any other job. Index: primary key, attempts (job_id, n).
create function photoplay.forget_erased_job(p_job_id uuid) returns boolean
language plpgsql security definer
set search_path = ''
as $$
declare
    job record;
begin
    select * into job from public.video_jobs j where j.id = p_job_id and j.erased_at is not null for update;
    if not found or photoplay.has_open_attempt(p_job_id) then
        return false;
    end if;
    update photoplay.erased_jobs
    set cost_usd = coalesce(photoplay.known_cost(p_job_id), cost_usd), quota_returned_at = job.quota_returned_at
    where id = p_job_id;
    delete from public.video_jobs where id = p_job_id;
    return true;
end
$$;
revoke all on function photoplay.forget_erased_job from public;
grant execute on function photoplay.forget_erased_job to photoplay_worker;

-- No statement of theirs needs these any more.
revoke delete on public.video_jobs from photoplay_api, photoplay_worker, photoplay_admin;
revoke insert on photoplay.erased_jobs from photoplay_api, photoplay_worker, photoplay_admin;
drop policy photoplay_request on photoplay.erased_jobs;
-- Of an erased user not even the keys stay that a client chose.
grant update (client_request_id) on photoplay.erased_jobs to photoplay_admin;

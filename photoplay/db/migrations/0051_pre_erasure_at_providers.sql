-- An erased job's row also waits until its providers were asked to delete what they hold of it: the picture, the
-- prompt, the clip. For a day at most: who cannot be reached for so long deletes by a retention of its own.
-- Lock: access exclusive on attempts for a moment. Duration: milliseconds.

alter table photoplay.attempts add column erased_there_at timestamptz;
comment on column photoplay.attempts.erased_there_at is 'When its provider was asked to delete what it holds of the task of an erased job.';

-- Whether a provider may still hold anything of a job. What the built-in renderer made is ours. Index: attempts (job_id, n).
create function photoplay.is_held_elsewhere(p_job_id uuid) returns boolean
language sql stable
set search_path = ''
as $$
    select exists (
        select from photoplay.attempts a
        where a.job_id = p_job_id and a.provider <> 'local' and a.provider_task_id is not null
            and a.erased_there_at is null
    )
$$;
revoke all on function photoplay.is_held_elsewhere from public;

-- As in 0050, but that the row also stays for what is held elsewhere.
create or replace function photoplay.erase_job(p_job_id uuid) returns void
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
    if not (photoplay.has_open_attempt(job.id) or photoplay.is_held_elsewhere(job.id)) then
        delete from public.video_jobs where id = job.id;
        return;
    end if;
    update public.video_jobs
    set erased_at = photoplay.now(), prompt = null, options = '{}', source_image_url = '', image_id = null,
        fingerprint = null, result = null, provider_job_id = null, error = null, expires_at = null
    where id = job.id;
    delete from photoplay.log_lines where job_id = job.id;
    perform photoplay.wake(job.id);
end
$$;

create or replace function photoplay.forget_erased_job(p_job_id uuid) returns boolean
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
    if photoplay.is_held_elsewhere(p_job_id) and job.erased_at > photoplay.now() - interval '1 day' then
        return false;
    end if;
    update photoplay.erased_jobs
    set cost_usd = coalesce(photoplay.known_cost(p_job_id), cost_usd), quota_returned_at = job.quota_returned_at
    where id = p_job_id;
    delete from public.video_jobs where id = p_job_id;
    return true;
end
$$;

-- Open jobs of an older system (no fingerprint, for ours all have one) go on as ours, or end.
-- What it had sent to a provider of ours and has a task for becomes an attempt that is followed to its end;
-- what it may have sent without our knowing the task ends as `outcome_unknown`. Nothing is sent again.
-- Why so late: all tables of the state machine are there, and every step below is one of its edges.
-- Lock: rows of open jobs. Duration: milliseconds for thousands of open jobs.

do $$
begin
    update public.video_jobs set adopted_at = photoplay.now()
    where status in ('queued', 'running') and fingerprint is null and adopted_at is null;

    -- A unit each, as far as the older counter goes, so that it can be given back; the rest of the counter
    -- is one entry. Of days that are over only those matter whose jobs are still open.
    update public.video_jobs j set quota_day = held.day
    from (
        select id, user_id, (created_at at time zone 'UTC')::date as day,
            row_number() over (
                partition by user_id, (created_at at time zone 'UTC')::date order by created_at, id
            ) as number
        from public.video_jobs where adopted_at is not null and quota_day is null
    ) held
    join public.video_quota quota on quota.user_id = held.user_id and quota.date = held.day
    where j.id = held.id and held.number <= quota.count;

    insert into photoplay.quota_ledger (user_id, day, delta, reason)
    select quota.user_id, quota.date, quota.count - coalesce(held.units, 0), 'adopted'
    from public.video_quota quota
    left join (
        select user_id, quota_day, count(*) as units from public.video_jobs
        where adopted_at is not null and quota_day is not null group by user_id, quota_day
    ) held on held.user_id = quota.user_id and held.quota_day = quota.date
    where (held.units is not null or quota.date >= photoplay.quota_day() - 1)
        and quota.count <> coalesce(held.units, 0)
        and not exists (
            select from photoplay.quota_ledger known
            where known.user_id = quota.user_id and known.day = quota.date
        );
    insert into photoplay.quota_ledger (user_id, day, job_id, delta, reason)
    select user_id, quota_day, id, 1, 'job' from public.video_jobs
    where adopted_at is not null and quota_day is not null;

    update public.video_jobs set phase = 'preparing'
    where adopted_at is not null and phase = 'accepted'
        and provider in ('fal-pika', 'kling', 'runway') and provider_job_id <> '';
    update public.video_jobs
    set phase = 'submitting', status = 'running', started_at = coalesce(started_at, created_at)
    where adopted_at is not null and phase = 'preparing';
    -- The models name what a task is asked for at: any of fal's Pika, Kling's older dialect, any of Runway.
    insert into photoplay.attempts (
        id, job_id, user_id, n, provider, model, status, fence, callback_token, provider_task_id,
        created_at, sent_at, accepted_at
    )
    select gen_random_uuid(), id, user_id, 1, provider,
        case provider
            when 'fal-pika' then 'fal-ai/pika/v2.2/image-to-video'
            when 'kling' then 'kling-v2-6'
            else 'gen4_turbo'
        end,
        'accepted', 0, encode(sha256((gen_random_uuid()::text || gen_random_uuid())::bytea), 'hex'),
        provider_job_id, created_at, created_at, created_at
    from public.video_jobs where adopted_at is not null and phase = 'submitting';
    update public.video_jobs set phase = 'waiting' where adopted_at is not null and phase = 'submitting';
    perform photoplay.wake(id) from public.video_jobs where adopted_at is not null and phase = 'waiting';

    update public.video_jobs
    set status = 'failed', phase = 'done', progress = null, finished_at = photoplay.now(),
        error = 'We could not confirm what became of this video. Please contact support.',
        failure = jsonb_build_object(
            'code', 'outcome_unknown',
            'message', 'We could not confirm what became of this video. Please contact support.',
            'retryable', false, 'charged', null
        )
    where adopted_at is not null and phase = 'accepted';
end
$$;

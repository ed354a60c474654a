-- Open jobs of an older system (marked by 0004) go on as ours, or end.
-- What it had sent to a provider of ours and has a task for becomes an attempt that is followed to its end;
-- what it may have sent without our knowing the task ends as `outcome_unknown`. Nothing is sent again.
-- Why so late: all tables of the state machine are there, and every step below is one of its edges.
-- Lock: rows of open jobs. Duration: milliseconds for thousands of open jobs.

do $$
begin
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

-- The control room's figures of this moment. Index: idx_video_jobs_open, idx_video_jobs_finished, attempts_newest,
-- attempts_to_resolve.
select
    (select count(*) from public.video_jobs where status = 'queued') as queued,
    (select count(*) from public.video_jobs where status = 'running') as running,
    (select min(created_at) from public.video_jobs where status in ('queued', 'running')) as oldest_at,
    (
        select count(*) from public.video_jobs
        where status in ('queued', 'running') and overdue_at < photoplay.now()
    ) as overdue,
    (
        select count(*) from photoplay.attempts where status in ('unknown', 'lost') and charged is null
    ) as unknown,
    (
        select count(*) from photoplay.pgqueuer
        where status = 'queued' and execute_after <= now()
    ) as due,
    (select count(*) from photoplay.pgqueuer where status = 'picked') as picked,
    (
        select count(*) from photoplay.workers where seen_at > photoplay.now() - interval '1 minute'
    ) as workers,
    today.succeeded, today.failed, today.cancelled,
    (
        select coalesce(sum(attempt.cost_usd), 0) from photoplay.attempts attempt
        where attempt.created_at >= photoplay.quota_day()::timestamp at time zone 'UTC'
            and attempt.charged is not false
    ) as spent_usd
from (
    select
        count(*) filter (where status = 'succeeded') as succeeded,
        count(*) filter (where status = 'failed') as failed,
        count(*) filter (where status = 'cancelled') as cancelled
    from public.video_jobs
    where finished_at >= photoplay.quota_day()::timestamp at time zone 'UTC'
) today

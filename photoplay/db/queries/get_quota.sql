-- A user's quota and open jobs; called by GET /api/video/quota. Index: idx_video_quota_user_date, idx_video_jobs_open.
select
    allowed.daily_limit as "limit",
    coalesce(quota.count, 0) as used,
    greatest(allowed.daily_limit - coalesce(quota.count, 0), 0) as remaining,
    ((photoplay.quota_day() + 1)::timestamp at time zone 'UTC') as resets_at,
    (
        select count(*) from public.video_jobs job
        where job.user_id = %(user_id)s and job.status in ('queued', 'running')
    ) as open_jobs,
    allowed.max_open_jobs
from photoplay.limits_of(%(user_id)s) allowed
left join public.video_quota quota
    on quota.user_id = %(user_id)s and quota.date = photoplay.quota_day()

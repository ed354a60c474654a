-- What an operator sees of a user's limits: its own, those that hold, and how it stands; called by
-- /api/admin/quotas and `photoplay quota`. Index: idx_video_quota_user_date, idx_video_jobs_open, spend_user_id_day_key.
select
    %(user_id)s::uuid as user_id,
    own.daily_limit as own_daily_limit,
    own.max_open_jobs as own_max_open_jobs,
    own.dedupe_open_jobs as own_dedupe_open_jobs,
    own.requests_per_minute as own_requests_per_minute,
    own.daily_spend_usd as own_daily_spend_usd,
    allowed.daily_limit, allowed.max_open_jobs, allowed.dedupe_open_jobs, allowed.requests_per_minute,
    allowed.daily_spend_usd, allowed.total_daily_spend_usd, allowed.time_zone,
    today.day,
    photoplay.day_begins(today.day + 1, allowed.time_zone) as resets_at,
    coalesce(quota.count, 0) as used,
    greatest(allowed.daily_limit - coalesce(quota.count, 0), 0) as remaining,
    (
        select count(*) from public.video_jobs job
        where job.user_id = %(user_id)s and job.status in ('queued', 'running')
    ) as open_jobs,
    coalesce(spend.usd, 0) as spent_usd,
    total.usd as total_spent_usd
from photoplay.limits_of(%(user_id)s) allowed
cross join (select photoplay.quota_day() as day) today
left join photoplay.limits own on own.user_id = %(user_id)s
left join public.video_quota quota on quota.user_id = %(user_id)s and quota.date = today.day
left join photoplay.spend spend on spend.user_id = %(user_id)s and spend.day = today.day
left join photoplay.spend total on total.user_id is null and total.day = today.day

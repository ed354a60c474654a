-- One user's day and standing, for the control room. Index: idx_video_quota_user_date, idx_video_jobs_open,
-- idx_video_jobs_user_newest.
select
    allowed.daily_limit, allowed.max_open_jobs,
    coalesce((
        select quota.count from public.video_quota quota
        where quota.user_id = %(user_id)s and quota.date = photoplay.quota_day()
    ), 0) as used,
    (select own.daily_limit from photoplay.limits own where own.user_id = %(user_id)s) as own_daily_limit,
    (select own.max_open_jobs from photoplay.limits own where own.user_id = %(user_id)s) as own_max_open_jobs,
    (
        select count(*) from public.video_jobs
        where user_id = %(user_id)s and status in ('queued', 'running')
    ) as open_jobs,
    (select count(*) from public.video_jobs where user_id = %(user_id)s) as jobs,
    (select sum(cost_usd) from public.video_jobs where user_id = %(user_id)s) as spent_usd,
    (select count(*) from public.video_images where user_id = %(user_id)s) as pictures
from photoplay.limits_of(%(user_id)s) allowed

-- How a user stands under its limits; called by GET /api/video/quota. Index: idx_video_quota_user_date, idx_video_jobs_open.
select
    allowed.daily_limit,
    coalesce(quota.count, 0) as used,
    greatest(allowed.daily_limit - coalesce(quota.count, 0), 0) as remaining,
    day.ends_at as resets_at,
    ceil(extract(epoch from day.ends_at - photoplay.now()))::integer as resets_in_s,
    extract(epoch from day.ends_at - day.begins_at)::integer as day_s,
    (
        select count(*) from public.video_jobs job
        where job.user_id = %(user_id)s and job.status in ('queued', 'running')
    ) as open_jobs,
    allowed.max_open_jobs,
    allowed.requests_per_minute,
    bucket.requests_left,
    bucket.request_in_s
from photoplay.limits_of(%(user_id)s) allowed
cross join lateral (
    select photoplay.day_begins(photoplay.quota_day(), allowed.time_zone) as begins_at,
        photoplay.day_begins(photoplay.quota_day() + 1, allowed.time_zone) as ends_at
) day
left join public.video_quota quota
    on quota.user_id = %(user_id)s and quota.date = photoplay.quota_day()
left join photoplay.request_rates rate on rate.user_id = %(user_id)s
left join lateral photoplay.requests_left(allowed.requests_per_minute, rate.full_at) bucket on true

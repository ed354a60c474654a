-- How the installation stands today under the limits of everybody. Index: idx_video_quota_day, spend_day,
-- idx_video_jobs_open, limits_user_id_key.
select allowed.daily_limit, allowed.max_open_jobs, allowed.dedupe_open_jobs, allowed.requests_per_minute,
    allowed.daily_spend_usd, allowed.total_daily_spend_usd, allowed.time_zone,
    today.day, photoplay.day_begins(today.day + 1, allowed.time_zone) as resets_at,
    used.units, used.users, used.at_limit,
    coalesce(
        (select usd from photoplay.spend total where total.user_id is null and total.day = today.day),
        (select sum(usd) from photoplay.spend each where each.day = today.day),
        0
    ) as spent_usd,
    (select count(*) from public.video_jobs where status in ('queued', 'running')) as open_jobs,
    (
        select count(*) from photoplay.limits own where own.user_id is not null
            and num_nonnulls(own.daily_limit, own.max_open_jobs, own.dedupe_open_jobs, own.requests_per_minute, own.daily_spend_usd) > 0
    ) as own_limits
from photoplay.limits_of(null) allowed
cross join (select photoplay.quota_day() as day) today
cross join lateral (
    select coalesce(sum(quota.count), 0) as units, count(*) filter (where quota.count > 0) as users,
        count(*) filter (where quota.count >= coalesce(own.daily_limit, allowed.daily_limit)) as at_limit
    from public.video_quota quota
    left join photoplay.limits own on own.user_id = quota.user_id
    where quota.date = today.day
) used

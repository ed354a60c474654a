-- Who is nearest to a limit today: by the largest share of any of theirs. Without limits of one's own the largest
-- share is the largest amount, so the first of each amount, and all with limits of their own, are enough to look at.
-- Index: idx_video_quota_day, spend_day, idx_video_jobs_open, limits_user_id_key.
with today as materialized (select photoplay.quota_day() as day),
open as materialized (
    select user_id, count(*) as jobs from public.video_jobs
    where status in ('queued', 'running') group by user_id
),
looked_at as (
    (
        select user_id from public.video_quota
        where date = (select day from today) and count > 0 order by count desc limit %(limit)s
    )
    union
    (
        select user_id from photoplay.spend
        where day = (select day from today) and user_id is not null and usd > 0 order by usd desc limit %(limit)s
    )
    union
    (select user_id from open order by jobs desc limit %(limit)s)
    union
    select user_id from photoplay.limits where user_id is not null
),
standing as (
    select looked_at.user_id, allowed.daily_limit, allowed.max_open_jobs, allowed.daily_spend_usd,
        coalesce(quota.count, 0) as used, coalesce(open.jobs, 0) as open_jobs, coalesce(spend.usd, 0) as spent_usd,
        exists (
            select from photoplay.limits own where own.user_id = looked_at.user_id
                and num_nonnulls(own.daily_limit, own.max_open_jobs, own.dedupe_open_jobs, own.requests_per_minute, own.daily_spend_usd) > 0
        ) as has_own
    from looked_at
    cross join lateral photoplay.limits_of(looked_at.user_id) allowed
    left join public.video_quota quota
        on quota.user_id = looked_at.user_id and quota.date = (select day from today)
    left join photoplay.spend spend on spend.user_id = looked_at.user_id and spend.day = (select day from today)
    left join open on open.user_id = looked_at.user_id
)
select standing.*, nearest.share
from standing
cross join lateral (
    select max(part) as share from (values
        (used / nullif(daily_limit, 0)::numeric),
        (open_jobs / nullif(max_open_jobs, 0)::numeric),
        (spent_usd / nullif(daily_spend_usd, 0))
    ) parts (part)
) nearest
where used > 0 or open_jobs > 0 or spent_usd > 0
order by nearest.share desc nulls last, used desc, user_id
limit %(limit)s

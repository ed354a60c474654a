-- A user's own limits, all at once; what is null is as for everybody. Index: limits_user_id_key.
insert into photoplay.limits as own (
    user_id, daily_limit, max_open_jobs, dedupe_open_jobs, requests_per_minute, daily_spend_usd
) values (
    %(user_id)s, %(daily_limit)s, %(max_open_jobs)s, %(dedupe_open_jobs)s, %(requests_per_minute)s,
    %(daily_spend_usd)s::numeric
)
on conflict (user_id) do update set
    daily_limit = excluded.daily_limit,
    max_open_jobs = excluded.max_open_jobs,
    dedupe_open_jobs = excluded.dedupe_open_jobs,
    requests_per_minute = excluded.requests_per_minute,
    daily_spend_usd = excluded.daily_spend_usd

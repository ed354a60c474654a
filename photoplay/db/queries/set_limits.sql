-- The limits that hold for everybody, from the settings of the server that starts. Index: limits_default_once.
select photoplay.set_limits(
    %(daily_limit)s, %(max_open_jobs)s, %(dedupe_open_jobs)s, %(requests_per_minute)s,
    %(daily_spend_usd)s::numeric, %(total_daily_spend_usd)s::numeric, %(time_zone)s
)

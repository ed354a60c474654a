-- Users with limits of their own. Index: limits_user_id_key.
select user_id, daily_limit, max_open_jobs, dedupe_open_jobs, requests_per_minute, daily_spend_usd
from photoplay.limits where user_id is not null
    and num_nonnulls(daily_limit, max_open_jobs, dedupe_open_jobs, requests_per_minute, daily_spend_usd) > 0
order by user_id limit %(limit)s

-- The limits that hold for everybody, from the settings of the server that starts. Index: limits_default_once.
update photoplay.limits
set daily_limit = %(daily_limit)s, max_open_jobs = %(max_open_jobs)s, dedupe_open_jobs = %(dedupe_open_jobs)s
where user_id is null
    and (daily_limit, max_open_jobs, dedupe_open_jobs)
        is distinct from (%(daily_limit)s, %(max_open_jobs)s, %(dedupe_open_jobs)s)

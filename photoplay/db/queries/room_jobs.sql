-- Jobs of everybody, newest first, for the control room. Index: idx_video_jobs_newest, idx_video_jobs_user_newest,
-- attempts_to_resolve.
select job.id, job.user_id, job.created_at, job.finished_at, job.status, job.phase, job.provider,
    job.cost_usd, job.failure ->> 'code' as failure_code, job.overdue_at,
    newest.status as attempt_status, newest.n as attempts
from public.video_jobs job
left join lateral (
    select attempt.status, attempt.n from photoplay.attempts attempt
    where attempt.job_id = job.id order by attempt.n desc limit 1
) newest on true
where (%(user_id)s::uuid is null or job.user_id = %(user_id)s)
    and (%(status)s::text is null or job.status = %(status)s)
    and (%(provider)s::text is null or job.provider = %(provider)s)
    and (
        %(show)s::text is null
        or (%(show)s = 'unknown' and job.id in (
            select attempt.job_id from photoplay.attempts attempt
            where attempt.status in ('unknown', 'lost') and attempt.charged is null
        ))
        or (%(show)s = 'overdue' and job.finished_at is null and job.overdue_at < photoplay.now())
    )
    and (
        %(before_at)s::timestamptz is null
        or (job.created_at, job.id) < (%(before_at)s, %(before_id)s::uuid)
    )
order by job.created_at desc, job.id desc
limit %(limit)s

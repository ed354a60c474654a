-- A page of the jobs of all users without their content, newest first, with what became of the newest attempt.
-- Index: idx_video_jobs_newest, idx_video_jobs_user_newest, attempts (job_id, n).
select job.id, job.user_id, job.created_at, job.updated_at, job.started_at, job.finished_at, job.status,
    job.phase, job.provider, job.failure, job.cost_usd, job.version, job.overdue_at,
    newest.status as attempt_status, coalesce(newest.n, 0) as attempts
from public.video_jobs job
left join lateral (
    select attempt.status, attempt.n from photoplay.attempts attempt
    where attempt.job_id = job.id order by attempt.n desc limit 1
) newest on true
where (%(user_id)s::uuid is null or job.user_id = %(user_id)s)
    and (%(status)s::text is null or job.status = %(status)s)
    and (%(phase)s::text is null or job.phase = %(phase)s)
    and (%(provider)s::text is null or job.provider = %(provider)s)
    and (%(attempt_status)s::text is null or newest.status = %(attempt_status)s)
    and (
        %(before_at)s::timestamptz is null
        or (job.created_at, job.id) < (%(before_at)s::timestamptz, %(before_id)s::uuid)
    )
order by job.created_at desc, job.id desc
limit %(limit)s

-- Write the attempt before anything is sent. Index: attempts (job_id, n), attempts_one_open.
insert into photoplay.attempts (id, job_id, user_id, n, provider, model, fence, callback_token, charged, reserved_usd, created_at)
select %(attempt_id)s, job.id, job.user_id,
    1 + coalesce((select max(n) from photoplay.attempts a where a.job_id = job.id), 0),
    %(provider)s, %(model)s, %(fence)s, %(callback_token)s,
    case when %(billed)s then null else false end, %(estimate_usd)s::numeric, photoplay.now()
from public.video_jobs job where job.id = %(job_id)s
returning id, n

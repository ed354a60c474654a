-- Whether a job has changed, for the worker that is at work on it; no row when it is gone. A submission whose
-- answer is on its way is waited for also when the job has ended. Index: primary key, attempts_one_open.
select version, status, erased_at, exists (
    select from photoplay.attempts attempt
    where attempt.job_id = job.id and attempt.status = 'submitting' and attempt.sent_at is not null
) as is_sending
from public.video_jobs job where id = %(job_id)s

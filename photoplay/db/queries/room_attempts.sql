-- The attempts of one job, for the control room. Index: attempts (job_id, n).
select id, n, provider, model, status, provider_task_id, hinted_task_id, refusal, error, charged, cost_usd,
    created_at, sent_at, accepted_at, called_back_at, cancel_asked_at, finished_at
from photoplay.attempts where job_id = %(job_id)s order by n

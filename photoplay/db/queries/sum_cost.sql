-- What a job has cost: the sum of its charged attempts, unknown as long as one of them is. Index: attempts (job_id, n).
update public.video_jobs job set cost_usd = spent.cost_usd
from (
    select case when bool_or(cost_usd is null) then null else sum(cost_usd) end as cost_usd
    from photoplay.attempts where job_id = %(job_id)s and charged is distinct from false
) spent
where job.id = %(job_id)s and job.cost_usd is distinct from spent.cost_usd

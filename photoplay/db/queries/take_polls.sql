-- Tasks of an account that are due, for this worker to look at now; called by worker/follower.py.
-- Locks: the account's row, the rows taken. Index: polls_due, primary keys.
select
    taken.job_id, taken.provider, taken.model, taken.task_id, taken.accepted_at, taken.due_at, taken.taken_at,
    job.progress
from photoplay.take_polls(
    %(account)s, %(per_s)s::double precision, %(most)s::integer, %(shortest)s::interval, %(longest)s::interval
) taken
join public.video_jobs job on job.id = taken.job_id

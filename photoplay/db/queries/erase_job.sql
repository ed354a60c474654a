-- Remove a terminal job and its attempts; what may be kept goes to erased_jobs. Row is locked by lock_job.
with gone as (
    delete from public.video_jobs where id = %(job_id)s
    returning id, user_id, client_request_id, status, created_at, finished_at, cost_usd, quota_day, quota_returned_at
)
insert into photoplay.erased_jobs (
    id, user_id, client_request_id, status, created_at, finished_at, cost_usd, quota_day, quota_returned_at
)
select id, user_id, client_request_id, status, created_at, finished_at, cost_usd, quota_day, quota_returned_at
from gone

-- Re-create the work item of every job that has none and needs one, because it, its attempt or its erasure is open:
-- lost with a stalled worker, or never seen because of a crash. Called every few seconds by every worker.
-- Index: idx_video_jobs_open, attempts_one_open, idx_video_jobs_erased, pgqueuer_unique_dedupe_key.
select job.id, photoplay.wake(job.id)
from (
    select id from public.video_jobs where status in ('queued', 'running')
    union
    select job_id from photoplay.attempts
    where status in ('submitting', 'unknown', 'accepted', 'running')
    union
    select id from public.video_jobs where erased_at is not null
) unfinished
join public.video_jobs job using (id)
left join photoplay.leases lease on lease.job_id = job.id
where coalesce(lease.expires_at, job.created_at) < photoplay.now() - %(grace)s::interval
    and not exists (
        select from photoplay.pgqueuer item
        where item.dedupe_key in ('steps:' || job.id, 'render:' || job.id)
            and item.status in ('queued', 'picked')
    )
limit 1000

-- Re-create the work item of every open job that has none: lost with a stalled worker, or never seen
-- because of a crash. Called every few seconds by every worker. Index: idx_video_jobs_open, pgqueuer_unique_dedupe_key.
select job.id, photoplay.wake(job.id)
from public.video_jobs job
left join photoplay.leases lease on lease.job_id = job.id
where job.status in ('queued', 'running')
    and coalesce(lease.expires_at, job.created_at) < photoplay.now() - %(grace)s::interval
    and not exists (
        select from photoplay.pgqueuer item
        where item.dedupe_key in ('steps:' || job.id, 'render:' || job.id)
            and item.status in ('queued', 'picked')
    )
limit 1000

-- All there is to know of one job without its content, for the control room. Index: primary keys.
select job.id, job.user_id, job.created_at, job.updated_at, job.started_at, job.finished_at,
    job.expires_at, job.overdue_at, job.status, job.phase, job.progress, job.version, job.provider,
    job.provider_job_id, job.client_request_id, job.options, job.effective_options, job.failure,
    job.result, job.video, job.output_video_url, job.poster_path, job.cost_usd, job.quota_day,
    job.quota_returned_at,
    lease.worker_id, lease.failures, lease.fence,
    case when lease.expires_at > photoplay.now() then lease.expires_at end as leased_until,
    worker.host, worker.pid,
    least(
        (
            select min(item.execute_after) from photoplay.pgqueuer item
            where item.payload = convert_to(job.id::text, 'utf8')
        ),
        (
            select min(poll.next_at) from photoplay.attempts attempt
            join photoplay.polls poll on poll.attempt_id = attempt.id
            where attempt.job_id = job.id
        )
    ) as wakes_at
from public.video_jobs job
left join photoplay.leases lease on lease.job_id = job.id
left join photoplay.workers worker on worker.id = lease.worker_id
where job.id = %(job_id)s

-- Erased jobs that wait for their last attempt; those without an open one were left by a crash.
-- Index: idx_video_jobs_erased, attempts_one_open.
select id, photoplay.forget_erased_job(id) as forgotten from public.video_jobs
where erased_at is not null
    and not exists (
        select from photoplay.attempts attempt where attempt.job_id = video_jobs.id
            and attempt.status in ('submitting', 'unknown', 'accepted', 'running')
    )
limit 1000

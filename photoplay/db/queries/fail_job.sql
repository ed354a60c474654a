-- End a job without a video. `error` is the old column for the same text. Index: primary key.
update public.video_jobs
set status = 'failed', phase = 'done', progress = null, finished_at = photoplay.now(),
    error = %(message)s,
    failure = jsonb_build_object(
        'code', %(code)s::text, 'message', %(message)s::text,
        'retryable', %(retryable)s::boolean, 'charged', %(charged)s::boolean
    )
where id = %(job_id)s and status in ('queued', 'running')

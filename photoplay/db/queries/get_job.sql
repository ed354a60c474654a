-- One job with its attempts, as its user sees it; called by GET /api/video/jobs/{id}.
-- Missing and foreign are the same: no row (policy). Index: primary key, attempts (job_id, n).
select
    job.id, job.created_at, job.updated_at, job.user_id, job.source_image_url, job.image_id,
    job.provider, job.provider_job_id, job.status, job.phase, job.progress, job.error, job.failure,
    job.output_video_url, job.poster_path, job.options, job.effective_options, job.result, job.video,
    job.client_request_id, job.version, job.cost_usd, job.overdue_at, job.started_at, job.finished_at,
    job.expires_at,
    coalesce((
        select jsonb_agg(jsonb_build_object(
            'n', attempt.n, 'provider', attempt.provider, 'model', attempt.model,
            'status', attempt.status, 'error', attempt.error,
            'started_at', attempt.created_at, 'finished_at', attempt.finished_at
        ) order by attempt.n)
        from photoplay.attempts attempt where attempt.job_id = job.id
    ), '[]'::jsonb) as attempts
from public.video_jobs job
where job.id = %(job_id)s

-- A page of jobs, newest first; called by GET /api/video/jobs and `photoplay jobs list`.
-- The scope decides whose: own for a user, all for the admin. Index: idx_video_jobs_user_newest.
select
    job.id, job.created_at, job.updated_at, job.user_id, job.source_image_url, job.image_id,
    job.provider, job.provider_job_id, job.status, job.phase, job.progress, job.error, job.failure,
    job.output_video_url, job.poster_path, job.options, job.effective_options, job.result, job.video,
    job.client_request_id, job.version, job.cost_usd, job.overdue_at, job.started_at, job.finished_at,
    job.expires_at, '[]'::jsonb as attempts
from public.video_jobs job
where (%(user_id)s::uuid is null or job.user_id = %(user_id)s)
    and (%(status)s::text is null or job.status = %(status)s)
    and (
        %(before_at)s::timestamptz is null
        or (job.created_at, job.id) < (%(before_at)s::timestamptz, %(before_id)s::uuid)
    )
order by job.created_at desc, job.id desc
limit %(limit)s

-- All that the worker needs of a job and its newest attempt. Index: primary key, attempts (job_id, n).
select
    job.id, job.user_id, job.created_at, job.status, job.phase, job.version,
    coalesce(image.path, job.source_image_url) as source_image_url,
    job.image_id, job.prompt, job.options, job.effective_options, job.provider, job.progress,
    job.overdue_at, job.adopted_at, job.erased_at, lease.failures,
    photoplay.now() as now,
    attempt.id as attempt_id, attempt.n as attempt_n, attempt.provider as attempt_provider,
    attempt.model as attempt_model, attempt.status as attempt_status, attempt.fence as attempt_fence,
    attempt.provider_task_id, attempt.outcome as attempt_outcome, attempt.callback_token,
    attempt.charged as attempt_charged, attempt.created_at as attempt_created_at, attempt.sent_at,
    attempt.accepted_at, attempt.finished_at as attempt_finished_at, attempt.hinted_task_id,
    attempt.placed_picture,
    attempt.cancel_asked_at,
    image.width as image_width, image.height as image_height, image.bytes as image_bytes,
    coalesce((
        select jsonb_agg(jsonb_build_object(
            'provider', ended.provider, 'refusal', ended.refusal, 'charged', ended.charged
        ) order by ended.n)
        from photoplay.attempts ended
        where ended.job_id = job.id
            and ended.status not in ('submitting', 'unknown', 'accepted', 'running')
    ), '[]'::jsonb) as ended_attempts
from public.video_jobs job
join photoplay.leases lease on lease.job_id = job.id
left join public.video_images image on image.id = job.image_id and image.user_id = job.user_id
left join lateral (
    select * from photoplay.attempts a where a.job_id = job.id order by a.n desc limit 1
) attempt on true
where job.id = %(job_id)s

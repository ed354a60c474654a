-- The one commit that makes a video exist. Index: primary key.
update public.video_jobs
set status = 'succeeded', phase = 'done', progress = 1, finished_at = photoplay.now(),
    output_video_url = %(path)s, poster_path = %(poster_path)s, video = %(video)s,
    cost_usd = coalesce(%(cost_usd)s, cost_usd),
    expires_at = photoplay.now() + %(keep_for)s::interval
where id = %(job_id)s and phase = 'storing'

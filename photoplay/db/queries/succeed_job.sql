-- The one commit that makes a video exist. Index: primary key.
update public.video_jobs job
set status = 'succeeded', phase = 'done', progress = 1, finished_at = photoplay.now(),
    output_video_url = %(path)s, poster_path = %(poster_path)s, video = %(video)s,
    expires_at = photoplay.now() + %(keep_for)s::interval
where job.id = %(job_id)s and job.phase = 'storing'

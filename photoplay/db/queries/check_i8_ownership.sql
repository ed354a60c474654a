-- I8: a job's picture, video and attempts are its own user's. Index: primary keys.
select job.id as broken
from public.video_jobs job
left join public.video_images image on image.id = job.image_id
left join photoplay.attempts attempt on attempt.job_id = job.id
where image.user_id <> job.user_id or attempt.user_id <> job.user_id
    or job.output_video_url not like job.user_id || '/%%'

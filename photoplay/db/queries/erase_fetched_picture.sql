-- Remove the picture that came with a job, fetched from an address, when no other job is made of it; where it
-- lay. One that its user sent stays. Index: primary keys, idx_video_jobs_user_newest.
delete from public.video_images image
using public.video_jobs job
where job.id = %(job_id)s and image.id = job.image_id and image.user_id = job.user_id
    and image.created_at > job.created_at
    and not exists (
        select from public.video_jobs other
        where other.user_id = job.user_id and other.image_id = image.id and other.id <> job.id
    )
returning image.path

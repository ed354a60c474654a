-- The picture of a job that was given by address, once it is in the store. Index: primary key.
update public.video_jobs set image_id = %(image_id)s where id = %(job_id)s and image_id is null

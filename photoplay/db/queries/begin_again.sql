-- Back to preparing after a definite verdict against the attempt. Index: primary key.
update public.video_jobs set phase = 'preparing', progress = null where id = %(job_id)s

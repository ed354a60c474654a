-- accepted → preparing. Index: primary key.
update public.video_jobs set phase = 'preparing' where id = %(job_id)s and phase = 'accepted'

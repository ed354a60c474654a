-- A job's state, locked until the transaction ends; no row when missing, foreign or erased. Index: primary key.
select id, user_id, status, phase, output_video_url, poster_path, created_at, finished_at
from public.video_jobs where id = %(job_id)s and erased_at is null for update

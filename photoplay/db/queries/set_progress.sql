-- Progress never goes back, and an unchanged one writes nothing. Index: primary key.
update public.video_jobs set progress = %(progress)s
where id = %(job_id)s and status = 'running' and coalesce(progress, -1) < %(progress)s::real

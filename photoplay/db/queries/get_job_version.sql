-- Version of a job, for waiting requests; no row when missing or foreign. Index: primary key.
select version, status from public.video_jobs where id = %(job_id)s

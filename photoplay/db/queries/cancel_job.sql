-- End an open job as cancelled; called by operations/cancel_job.py with the row locked.
update public.video_jobs
set status = 'cancelled', phase = 'done', finished_at = photoplay.now(), progress = null
where id = %(job_id)s and status in ('queued', 'running')

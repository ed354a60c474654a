-- End attempts that cannot have cost anything; paid ones stay open for the worker to cancel. Index: attempts_one_open.
update photoplay.attempts
set status = 'cancelled', finished_at = photoplay.now()
where job_id = %(job_id)s and charged is false and status in ('submitting', 'accepted', 'running')

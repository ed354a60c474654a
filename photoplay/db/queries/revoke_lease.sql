-- Take a job from the worker that holds it: its next write is refused. Index: primary key.
update photoplay.leases set fence = fence + 1, expires_at = '-infinity' where job_id = %(job_id)s

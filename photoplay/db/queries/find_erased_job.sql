-- When a job was erased; no row when it was not. Index: primary key.
select erased_at from photoplay.erased_jobs where id = %(job_id)s

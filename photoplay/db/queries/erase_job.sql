-- Erase a job that has ended; its row, locked by lock_job, goes now or with its last attempt. Index: primary key.
select photoplay.erase_job(%(job_id)s)

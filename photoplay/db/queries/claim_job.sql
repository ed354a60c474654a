-- Begin a lease on a job; called by operations/claim_job.py. Locks: job row, lease row. Index: primary keys.
select fence, until, job_exists from photoplay.claim_job(%(job_id)s, %(item_id)s, %(worker_id)s, %(lease)s)

-- Give a job's quota unit back unless one of its attempts was or may have been billed. Index: attempts (job_id, n).
select photoplay.return_unit(%(job_id)s) as returned
where not exists (
    select from photoplay.attempts where job_id = %(job_id)s and charged is distinct from false
)

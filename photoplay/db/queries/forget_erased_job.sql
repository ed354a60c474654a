-- Remove what is left of an erased job once none of its attempts is open; nothing for other jobs. Index: primary key.
select photoplay.forget_erased_job(%(job_id)s) as forgotten

-- The attempt of a job whose submission nobody could confirm. Index: attempts (job_id, n).
select id, n, provider, status from photoplay.attempts
where job_id = %(job_id)s and status in ('unknown', 'lost') and charged is null
order by n desc limit 1
for update

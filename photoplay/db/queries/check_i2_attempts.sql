-- I2: never two attempts of a job that may both be billed unless the operator's policy said so (domain/routing.py
-- has the words), and never two open ones. Index: attempts (job_id, n).
select job_id as broken from photoplay.attempts
group by job_id
having count(*) filter (where status in ('submitting', 'unknown', 'accepted', 'running')) > 1
    or count(*) filter (
        where charged is distinct from false and error is distinct from 'lost, tried again by policy'
    ) > 1

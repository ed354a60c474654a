-- The attempts of a job whose submission nobody could confirm, or the n-th if it is one. Index: attempts (job_id, n).
select id, n, provider, status from photoplay.attempts
where job_id = %(job_id)s and status in ('unknown', 'lost') and charged is null
    and (%(n)s::integer is null or n = %(n)s)
order by n
for update

-- How long a job was in each phase, in the order it went through them; it may come back to one.
-- Index: events_job.
select phase, began_at, extract(epoch from coalesce(ended_at, photoplay.now()) - began_at)::double precision as seconds
from (
    select phase, created_at as began_at, lead(created_at) over (order by id) as ended_at
    from (
        select id, created_at, phase, lag(phase) over (order by id) as before
        from photoplay.events where job_id = %(job_id)s
    ) told
    where before is distinct from phase
) gone_through
where phase <> 'done'
order by began_at

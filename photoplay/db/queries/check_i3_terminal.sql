-- I3: no event follows a terminal one with another state, and versions only grow. Index: events_job.
select job_id as broken
from (
    select job_id, status, version,
        lag(status) over job as before, lag(version) over job as version_before
    from photoplay.events
    window job as (partition by job_id order by id)
) step
where (before in ('succeeded', 'failed', 'cancelled') and status <> before)
    or version < version_before
group by job_id

-- I9: every job's newest event says the job's state, and no state was written twice. Index: events_job.
select job.id as broken
from public.video_jobs job
left join lateral (
    select event.status, event.phase from photoplay.events event
    where event.job_id = job.id and (event.kind like 'job.%%' or event.kind like 'phase.%%')
    order by event.id desc limit 1
) newest on true
where job.fingerprint is not null and (newest.status, newest.phase) is distinct from (job.status, job.phase)
union all
select job_id from photoplay.events
where kind like 'job.%%' or kind like 'phase.%%'
group by job_id, version having count(*) > 1

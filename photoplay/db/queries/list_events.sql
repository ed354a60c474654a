-- The timeline of a job. Index: events_job.
select created_at, version, kind, status, phase, data from photoplay.events
where job_id = %(job_id)s order by id

-- Tasks of an erased job of which a provider may still hold something. Index: attempts (job_id, n).
select id, provider, model, provider_task_id, accepted_at from photoplay.attempts
where job_id = %(job_id)s and provider <> 'local' and provider_task_id is not null and erased_there_at is null
order by n

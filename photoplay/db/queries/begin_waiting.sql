-- submitting → waiting, under the provider's name for the task. Index: primary key.
update public.video_jobs set phase = 'waiting', provider_job_id = %(provider_task_id)s
where id = %(job_id)s and phase = 'submitting'

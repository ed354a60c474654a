-- waiting → storing: the provider has delivered. Index: primary key.
update public.video_jobs set phase = 'storing', result = %(result)s
where id = %(job_id)s and phase = 'waiting'

-- waiting → storing: the provider has delivered. Index: primary key.
update public.video_jobs set phase = 'storing', progress = null, result = %(result)s
where id = %(job_id)s and phase = 'waiting'

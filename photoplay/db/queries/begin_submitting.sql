-- preparing → submitting, with what the provider will be given. Index: primary key.
update public.video_jobs
set phase = 'submitting', status = 'running', provider = %(provider)s,
    effective_options = %(effective_options)s, started_at = coalesce(started_at, photoplay.now())
where id = %(job_id)s and phase = 'preparing'

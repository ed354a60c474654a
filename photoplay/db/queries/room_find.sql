-- What an operator typed: a job's id, a user's, a provider's task id or a request key; jobs newest first.
-- Index: primary keys, idx_video_jobs_user_newest, attempts_task, idx_video_jobs_key.
select id, user_id, 'job' as kind, created_at from public.video_jobs where id = %(id)s
union all
select id, user_id, 'erased', created_at from photoplay.erased_jobs where id = %(id)s
union all
(select id, user_id, 'user', created_at from public.video_jobs where user_id = %(id)s
    order by created_at desc limit 1)
union all
(select user_id, user_id, 'user', created_at from public.video_images where user_id = %(id)s limit 1)
union all
select job_id, user_id, 'job', created_at from photoplay.attempts where provider_task_id = %(text)s
union all
select id, user_id, 'job', created_at from public.video_jobs where client_request_id = %(text)s
limit 50

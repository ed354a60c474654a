-- What an operator typed: the id of a job, an attempt or a user, or how one begins, a provider's task id or a request
-- key. Index: primary keys, idx_video_jobs_user_newest, attempts_task, idx_video_jobs_key.
select id, user_id, 'job' as kind, created_at from public.video_jobs
where id between %(first)s::uuid and %(last)s::uuid
union
select id, user_id, 'erased', created_at from photoplay.erased_jobs
where id between %(first)s::uuid and %(last)s::uuid
union
(
    select distinct on (user_id) user_id, user_id, 'user', created_at from public.video_jobs
    where user_id between %(first)s::uuid and %(last)s::uuid
    order by user_id, created_at desc limit 50
)
union
(
    select user_id, user_id, 'user', created_at from public.video_images
    where user_id between %(first)s::uuid and %(last)s::uuid
        and not exists (select from public.video_jobs job where job.user_id = video_images.user_id)
    limit 1
)
union
select user_id, user_id, 'user', erased_at from photoplay.erased_users
where user_id between %(first)s::uuid and %(last)s::uuid
union
select job_id, user_id, 'job', created_at from photoplay.attempts
where id between %(first)s::uuid and %(last)s::uuid or provider_task_id = %(text)s
union
select id, user_id, 'job', created_at from public.video_jobs where client_request_id = %(text)s
order by created_at desc
limit 50

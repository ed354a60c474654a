-- The job that a user's key belongs to; id is null when that was erased. Index: idx_video_jobs_client_request_id, erased_jobs_key.
select id, status, provider, created_at, fingerprint from public.video_jobs
where user_id = (select photoplay.user_id()) and client_request_id = %(key)s
union all
select null, status, null, created_at, null from photoplay.erased_jobs
where user_id = (select photoplay.user_id()) and client_request_id = %(key)s

-- The job of a key when it asks for the same thing; the scope makes it the user's own. Index: idx_video_jobs_client_request_id.
select id, status, provider, created_at from public.video_jobs
where user_id = (select auth.uid()) and client_request_id = %(key)s and fingerprint = %(fingerprint)s

-- Every job of a user, locked until the transaction ends, always in the same order. Index: idx_video_jobs_user_newest.
select id, user_id, status from public.video_jobs where user_id = %(user_id)s order by id for update

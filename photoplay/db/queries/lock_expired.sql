-- Jobs past their retention, oldest first, locked until the transaction ends; those that somebody else is
-- erasing are left to him. Index: idx_video_jobs_expiring.
select id, user_id, status from public.video_jobs where expires_at < photoplay.now()
order by expires_at limit %(limit)s for update skip locked

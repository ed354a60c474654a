-- Jobs past their retention. Index: idx_video_jobs_expiring.
select count(*) as expired from public.video_jobs where expires_at < photoplay.now()

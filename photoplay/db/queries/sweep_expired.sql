-- Jobs whose video is past its retention, oldest first. Index: idx_video_jobs_expiring.
select id from public.video_jobs where expires_at < photoplay.now() order by expires_at limit 200

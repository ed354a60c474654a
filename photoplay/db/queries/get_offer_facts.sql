-- How fast each provider has been lately; called by POST /api/video/offers. Index: idx_video_jobs_pace.
select provider, resolution, seconds_per_second, is_available from photoplay.offer_facts()

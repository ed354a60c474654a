-- I4: no job is open a day after it was accepted; the lifetime of an attempt is two hours by default. A clip that
-- is paid for is kept trying for as long as its provider keeps it. Index: idx_video_jobs_open.
select id as broken from public.video_jobs
where status in ('queued', 'running') and phase <> 'storing'
    and coalesce(adopted_at, created_at) < photoplay.now() - interval '1 day'

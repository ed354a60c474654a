-- I7: no user has more open jobs than its limit, but for those taken over. Index: idx_video_jobs_open.
select job.user_id as broken
from public.video_jobs job, photoplay.limits_of(job.user_id) allowed
where job.status in ('queued', 'running')
group by job.user_id, allowed.max_open_jobs
having count(*) filter (where job.adopted_at is null) > allowed.max_open_jobs

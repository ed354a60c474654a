-- Gauges for /metrics; only open jobs and small tables are counted. Index: idx_video_jobs_open.
select 'open_jobs' as figure, 'Jobs in progress by phase.' as meaning, phase as kind, count(*) as value
from public.video_jobs where status in ('queued', 'running') group by phase
union all
select 'overdue_jobs', 'Open jobs past the time a user expects.', 'all', count(*)
from public.video_jobs where status in ('queued', 'running') and overdue_at < now()
union all
select 'unknown_attempts', 'Submissions whose outcome is being resolved.', provider, count(*)
from photoplay.attempts where status = 'unknown' group by provider
union all
select 'followed_tasks', 'Accepted tasks that are polled, by account.', account, count(*)
from photoplay.polls group by account
union all
select 'late_polls', 'Polls that are due for more than 10 s, by account.', account,
    count(*) filter (where next_at < now() - interval '10 seconds')
from photoplay.polls group by account
union all
select 'work_items', 'Items of the engine by lane and state.', entrypoint || '_' || status, count(*)
from photoplay.pgqueuer group by entrypoint, status
union all
select 'workers', 'Workers seen in the last minute.', 'all', count(*)
from photoplay.workers where seen_at > now() - interval '1 minute'

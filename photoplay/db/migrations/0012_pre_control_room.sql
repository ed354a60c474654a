-- What the control room looks through: what ended lately, and what was spent on it.
-- Lock: share on video_jobs and attempts while the indexes are built. Duration: seconds at a million rows.

create index idx_video_jobs_finished on public.video_jobs (finished_at) where finished_at is not null;
create index attempts_newest on photoplay.attempts (created_at);
create index attempts_task on photoplay.attempts (provider_task_id) where provider_task_id is not null;
create index idx_video_jobs_key on public.video_jobs (client_request_id) where client_request_id is not null;

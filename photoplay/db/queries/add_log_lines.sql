-- Log lines of jobs that still exist, in the order in which they were said; called by every worker each
-- second. Index: primary key of video_jobs.
insert into photoplay.log_lines (job_id, at, level, line)
select said.job_id, said.at, said.level, said.line
from unnest(%(job_ids)s::uuid[], %(ats)s::timestamptz[], %(levels)s::text[], %(lines)s::text[])
    with ordinality as said (job_id, at, level, line, n)
join public.video_jobs job on job.id = said.job_id
order by said.n

-- The one commit that makes a video exist. Index: primary key.
update public.video_jobs job
set status = 'succeeded', phase = 'done', progress = 1, finished_at = photoplay.now(),
    output_video_url = %(path)s, poster_path = %(poster_path)s, video = %(video)s,
    cost_usd = spent.cost_usd,
    expires_at = photoplay.now() + %(keep_for)s::interval
from (
    select case
        when count(*) = 0 then 0
        when bool_or(cost_usd is null) then null
        else sum(cost_usd)
    end as cost_usd
    from photoplay.attempts where job_id = %(job_id)s and charged is distinct from false
) spent
where job.id = %(job_id)s and job.phase = 'storing'

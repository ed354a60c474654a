-- How jobs ended in each of the last 48 hours (UTC). Index: idx_video_jobs_finished.
select hour, coalesce(ended.status, 'succeeded') as status, coalesce(ended.jobs, 0) as jobs
from generate_series(
    date_trunc('hour', photoplay.now() - interval '47 hours'), photoplay.now(), interval '1 hour'
) as hour
left join (
    select date_trunc('hour', finished_at) as at, status, count(*) as jobs
    from public.video_jobs
    where finished_at > photoplay.now() - interval '48 hours'
    group by 1, 2
) ended on ended.at = hour
order by hour, status
